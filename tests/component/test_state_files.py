"""What a job's folder says of its record, and what its script may have put in its place."""

import json
import os
import time
import uuid
from dataclasses import replace

import pytest

from pixyz_scheduler.errors import RecordError, UnsafePath
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import ended_text, read_ended, read_sent, sent_text
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.storage import archive
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import ENDED, SENT, StateFiles


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir(mode=0o770)
    return Share(tmp_path / "share")


@pytest.fixture
def job():
    options = JobOptions(queue="gpu", priority=2)
    job_id = JobId(str(uuid.uuid4()))
    return Job(job_id, "custom", options, 1000.5, '{"a": 1}', name="né", script="a.py", input_file="b.stl")


@pytest.fixture
def files(share, job):
    with share.incoming() as incoming:
        incoming.describe(sent_text(job))
        return StateFiles(incoming.adopt(job.id))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def ended(job, **changes):
    record = read_sent(job.id, sent_text(job))
    return {**record, "state": "SUCCESS", "stopped": "1001.000", "result": '"\\ud800 é"', "mood": "fine", **changes}


def test_what_was_asked_lies_in_the_folder_from_its_first_moment(files, job):
    record = read_sent(job.id, files.read(SENT))
    assert (record["submitted"], record["queue"], record["priority"], record["name"]) == ("1000.500", "gpu", "2", "né")
    assert (record["params"], record["script"], record["input_file"]) == ('{"a": 1}', "a.py", "b.stl")
    assert files.read(ENDED) is None


def test_an_end_is_read_as_it_was_written_with_fields_that_nobody_here_knows(files, job):
    record = ended(job)
    files.write_ended(ended_text(job.id, record))
    assert read_ended(job.id, files.read(ENDED)) == record
    files.write_ended(ended_text(job.id, ended(job, state="FAILURE")))
    assert read_ended(job.id, files.read(ENDED))["state"] == "FAILURE"
    assert names(files.folder.path / ".state") == [ENDED, SENT]
    files.remove_ended()
    files.remove_ended()
    assert files.read(ENDED) is None


def test_neither_is_an_output_nor_in_the_archive_and_both_go_with_the_folder(files, job):
    files.write_ended(ended_text(job.id, ended(job)))
    (files.folder.outputs / "a.glb").write_bytes(b"x")
    assert files.folder.list_outputs() == ["a.glb"]
    archive.pack(files.folder)
    assert "final" not in str(archive.current(files.folder).read_bytes())
    files.folder.remove()
    assert not files.folder.exists()
    assert files.read(SENT) is None


def test_nobody_else_reads_them(files, job):
    files.write_ended(ended_text(job.id, ended(job)))
    state = files.folder.path / ".state"
    assert [path.stat().st_mode & 0o007 for path in (state, state / SENT, state / ENDED)] == [0, 0, 0]


def test_a_folder_made_before_there_were_such_files_gets_its_end(share, job):
    files = StateFiles(share.make_folder(job.id))
    assert files.read(SENT) is None
    files.write_ended(ended_text(job.id, ended(job)))
    assert files.read(ENDED) is not None


def test_a_job_without_a_folder_gets_none(share, job):
    files = StateFiles(share.folder(job.id))
    with pytest.raises(FileNotFoundError):
        files.write_ended(b"{}")
    files.remove_ended()
    assert files.read(ENDED) is None
    assert not files.folder.exists()


def link_state(files, elsewhere):
    (files.folder.path / ".state" / SENT).unlink()
    (files.folder.path / ".state").rmdir()
    (files.folder.path / ".state").symlink_to(elsewhere)


def link_folder(files, elsewhere):
    files.folder.path.rename(files.folder.path.with_suffix(".old"))
    files.folder.path.symlink_to(elsewhere)


@pytest.mark.parametrize("place", [link_state, link_folder])
def test_no_link_in_place_of_a_folder_is_followed(files, job, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / ".state").mkdir(parents=True)
    for folder in (elsewhere, elsewhere / ".state"):
        (folder / ENDED).write_bytes(ended_text(job.id, ended(job)))
    place(files, elsewhere)
    for act in (lambda: files.write_ended(b"x"), lambda: files.read(ENDED), files.remove_ended):
        with pytest.raises(UnsafePath, match=job.id):
            act()
    assert (elsewhere / ENDED).read_bytes() == (elsewhere / ".state" / ENDED).read_bytes() != b"x"


def test_a_link_in_place_of_a_file_is_not_read_and_is_replaced(files, job, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep")
    path = files.folder.path / ".state" / ENDED
    path.symlink_to(precious)
    with pytest.raises(UnsafePath):
        files.read(ENDED)
    files.write_ended(ended_text(job.id, ended(job)))
    assert not path.is_symlink()
    assert precious.read_text() == "keep"


def test_a_pipe_or_a_folder_in_place_of_a_file_holds_nobody(files, job):
    path = files.folder.path / ".state" / ENDED
    os.mkfifo(path)
    with pytest.raises(UnsafePath):
        files.read(ENDED)
    path.unlink()
    path.mkdir()
    with pytest.raises(UnsafePath):
        files.read(ENDED)
    with pytest.raises(UnsafePath):
        files.write_ended(ended_text(job.id, ended(job)))
    assert names(path.parent) == [ENDED, SENT]


def test_a_file_larger_than_any_of_ours_is_not_read(files):
    path = files.folder.path / ".state" / ENDED
    with path.open("wb") as file:
        file.truncate(257 << 20)
    with pytest.raises(RecordError, match="269484032 bytes"):
        files.read(ENDED)


def wrapped(job, record, **changes):
    return json.dumps({"format": 1, "id": job.id, "record": record, **changes}).encode()


@pytest.mark.parametrize(
    ("read", "change", "reason"),
    [
        (read_sent, {"v": "2"}, "version '2'"),
        (read_sent, {"options": "no JSON"}, "cannot be read"),
        (read_sent, {"options": '{"queue": "a b\\n"}'}, "cannot be read"),
        (read_sent, {"options": '{"priority": 77}'}, "priority"),
        (read_sent, {"options": '{"time_limit": -1}'}, "time_limit"),
        (read_sent, {"submitted": "nan"}, "a time that is none"),
        (read_sent, {"submitted": "1_0"}, "a time that is none"),
        (read_ended, {"stopped": " 1 "}, "a time that is none"),
        (read_sent, {"submitted": "soon"}, "cannot be read"),
        (read_sent, {"process": 1}, "holds no record"),
        (read_ended, {"state": "RUNNING"}, "does not tell the end"),
        (read_ended, {"state": "DONE"}, "cannot be read"),
        (read_ended, {"stopped": ""}, "does not tell the end"),
        (read_ended, {"stopped": "inf"}, "a time that is none"),
        (read_ended, {"attempts": "{"}, "cannot be read"),
        (read_ended, {"v": "1.9"}, None),
        (read_sent, {"v": "1.9"}, None),
    ],
)
def test_what_a_script_may_have_written_there_is_looked_at_before_it_is_believed(job, read, change, reason):
    text = wrapped(job, {**ended(job), **change})
    if reason is None:
        assert read(job.id, text)["v"] == change["v"]
    else:
        with pytest.raises(RecordError, match=reason):
            read(job.id, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "format 1"),
        (b'{"format": 2}', "format 1"),
        (b'{"format": 1, "id": "x", "record": {}}', "another job"),
    ],
)
@pytest.mark.parametrize("read", [read_sent, read_ended])
def test_a_damaged_file_says_what_is_wrong_with_it(job, read, text, reason):
    with pytest.raises(RecordError, match=reason):
        read(job.id, text)


def test_what_a_script_added_to_what_was_asked_is_left_out(job):
    record = read_sent(job.id, wrapped(job, {**ended(job), "cancel": "1", "fence": "mine", "epoch": "7"}))
    assert not {"cancel", "fence", "epoch", "state", "result", "stopped"} & record.keys()


def test_a_job_that_is_put_in_line_anew_goes_on_in_its_trace(job):
    traced = replace(job, trace=TraceContext("ab" * 16, "cd" * 8, 1, "theirs=1"))
    record = read_sent(job.id, sent_text(traced))
    told = JobReport.from_record(job.id, {**record, "state": "SENT"})
    assert told.job.trace == traced.trace


def test_a_time_as_the_api_has_it_is_kept_to_the_millisecond(job):
    now = time.time()
    job = Job(job.id, "custom", JobOptions(), now)
    assert float(read_sent(job.id, sent_text(job))["submitted"]) == pytest.approx(now, abs=0.001)
