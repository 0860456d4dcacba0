"""The log of an attempt: whole while it is short, its beginning and its end where it is not."""

import pytest

from pixyz_scheduler.storage.attempt_logs import AttemptLogs
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.worker.job_log import JobLog

JOB = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def folder(tmp_path):
    folder = Share(tmp_path).folder(JOB)
    folder.path.mkdir()
    return folder


def written(folder, chunks, *, limit):
    with JobLog(folder, 1, limit=limit) as log:
        for chunk in chunks:
            log.write(chunk)
    return folder.log_path(1).read_bytes()


@pytest.mark.parametrize("size", [1, 9, 10, 15, 20])
@pytest.mark.parametrize("each", [1, 3, 20])
def test_a_log_up_to_the_limit_is_whole(folder, size, each):
    text = bytes(range(65, 65 + size))
    assert written(folder, [text[at : at + each] for at in range(0, size, each)], limit=20) == text


@pytest.mark.parametrize("size", [21, 25, 30, 31, 47, 60])
@pytest.mark.parametrize("each", [1, 3, 60])
def test_of_a_longer_one_the_beginning_and_the_end_are_kept_and_a_line_says_what_is_not(folder, size, each):
    text = bytes(range(65, 65 + size))
    said = f"\n[... {size - 20} bytes are left out here: the log is longer than LOG_LIMIT ...]\n".encode()
    log = written(folder, [text[at : at + each] for at in range(0, size, each)], limit=20)
    assert log == text[:10] + said + text[-10:]


def test_without_a_limit_all_is_kept(folder):
    assert len(written(folder, [bytes(1000)] * 1000, limit=0)) == 1_000_000


def test_what_prints_nothing_or_has_no_folder_has_no_log(folder):
    with JobLog(folder, 1, limit=20):
        pass
    assert not folder.logs.exists()
    folder.path.rmdir()
    with JobLog(folder, 1, limit=20) as log:
        log.write(b"x" * 100)
    assert not folder.path.exists()


@pytest.mark.parametrize("limit", [0, 20, 1000])
def test_who_reads_along_is_told_each_byte_once_also_where_the_middle_is_left_out(folder, limit):
    """A log only grows: what stands at an offset stays there."""
    logs, told = AttemptLogs(folder), b""
    with JobLog(folder, 1, limit=limit) as log:
        for number in range(100):
            log.write(b"%d\n" % number)
            told += logs.read(1, offset=len(told), at_most=7)
    while more := logs.read(1, offset=len(told), at_most=7):
        told += more
    assert told == folder.log_path(1).read_bytes()
    assert logs.sizes() == {1: len(told)}
    assert (b"are left out here" in told) == (limit == 20)
