"""A worker whose share is not ours, or whose disk is full: it begins no job, and fails none for it."""

import shutil
import threading
from dataclasses import replace

import pytest

from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.errors import StorageFull, WrongShare
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.share_id import SHARE_ID
from pixyz_scheduler.surroundings import Surroundings
from pixyz_scheduler.upkeep.janitor import Janitor
from pixyz_scheduler.worker.job_log import JobLog
from pixyz_scheduler.worker.main import janitor_of
from pixyz_scheduler.worker.readiness import Readiness
from tests.fakes.small_disk import small_disk

JOB = "0b1c2d3e-0000-4000-8000-00000000000a"


class Trouble:
    """What is wrong, or not; told each time it is asked."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        error = self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]
        if error is not None:
            raise error


def fine():
    pass


@pytest.fixture
def gated(fork_bench):
    """A bench whose execution asks its surroundings, and holds a doorbell for one look."""
    surroundings = Surroundings(fork_bench.share, KnownShare(fork_bench.records._client))
    readiness = Readiness(surroundings.check, surroundings.check_share, hold=0.0)
    fork_bench.execution = replace(fork_bench.execution, readiness=readiness)
    return fork_bench


def test_what_is_wrong_is_there_to_be_told_until_it_is_right():
    readiness = Readiness(Trouble(StorageFull("10 MiB free"), None), fine, hold=0.0)
    told = [readiness.wait(threading.Event()) or readiness.trouble for _ in range(2)]
    assert told == ["10 MiB free", True]
    assert readiness.trouble == ""


def unmount(bench):
    bench.share.root.rename(bench.share.root.with_name("mounted"))
    bench.share.root.mkdir()


def mount(bench):
    shutil.rmtree(bench.share.root)
    bench.share.root.with_name("mounted").rename(bench.share.root)


def test_a_doorbell_is_held_while_the_worker_is_not_ready_and_answered_as_soon_as_it_is():
    trouble = Trouble(StorageFull("full"), StorageFull("full"), None)
    assert Readiness(trouble, fine, hold=60.0).wait(threading.Event())
    assert trouble.asked == 3


def test_a_doorbell_is_dropped_when_it_was_held_for_long_or_the_worker_goes():
    assert not Readiness(Trouble(StorageFull("full")), fine, hold=0.0).wait(threading.Event())
    stopping = threading.Event()
    stopping.set()
    assert not Readiness(Trouble(StorageFull("full")), fine, hold=60.0).wait(stopping)


def test_the_reason_is_logged_once_a_change_and_not_once_a_look(caplog):
    caplog.set_level("INFO")
    troubles = [StorageFull("10 MiB free"), StorageFull("9 MiB free"), WrongShare("not ours"), None, None]
    readiness = Readiness(Trouble(*troubles), fine, hold=0.0)
    for _ in range(5):
        readiness.wait(threading.Event())
    assert [record.getMessage() for record in caplog.records] == [
        "not ready, no job is begun: 10 MiB free",
        "not ready, no job is begun: not ours",
        "ready again",
    ]


def test_no_job_is_begun_on_a_share_that_is_not_mounted_and_it_runs_once_it_is(gated):
    assert gated.run("def main(pc, params): return 1").state is JobState.SUCCESS
    job_id = gated.submit("def main(pc, params): return 2")
    unmount(gated)
    assert gated.execution.run(job_id, queue="cpu") is None
    report = gated.records.report(job_id)
    assert (report.state, report.epoch) == (JobState.SENT, 0)
    mount(gated)
    assert gated.execution.run(job_id, queue="cpu").state is JobState.SUCCESS


class SlowClaim:
    """The records, whose claim is granted, and then answered once something else has come to pass."""

    def __init__(self, records, meanwhile):
        self._records = records
        self._meanwhile = meanwhile

    def __getattr__(self, name):
        return getattr(self._records, name)

    def claim(self, job_id, **more):
        claim = self._records.claim(job_id, **more)
        self._meanwhile()
        return claim


def test_no_job_is_begun_on_a_share_that_was_unmounted_while_the_claim_was_under_way(gated, tmp_path):
    assert gated.run("def main(pc, params): return 1").state is JobState.SUCCESS
    trace = tmp_path / "trace"
    job_id = gated.submit(f"def main(pc, params): open({str(trace)!r}, 'w')")
    # Another share, with a copy of the job's files: only its id tells that it is another.
    other = (gated.share.root / SHARE_ID).write_text
    records = SlowClaim(gated.records, lambda: other("00000000-0000-4000-8000-000000000000"))
    gated.execution = replace(gated.execution, records=records)
    gated.execution.run(job_id, queue="cpu")
    report = gated.records.report(job_id)
    assert (report.state, report.tally.crashes, report.tally.hindrances) == (JobState.RETRY, 0, 1)
    assert not trace.exists()


@pytest.mark.parametrize("end", ["return 'written to nowhere'", "open(pc.get_output_file_path('x') + '/y')"])
def test_a_job_under_whose_feet_the_share_was_unmounted_is_tried_again_and_charged_nothing(gated, end):
    source = f"import os\n\ndef main(pc, params):\n    os.rename({{0!r}}, {{1!r}})\n    os.mkdir({{0!r}})\n    {end}\n"
    assert gated.run("def main(pc, params): pass").state is JobState.SUCCESS
    root = gated.share.root
    report = gated.run(source.format(str(root), str(root.with_name("mounted"))))
    assert (report.state, report.tally.crashes, report.tally.hindrances) == (JobState.RETRY, 0, 1)
    assert "is not the one that the jobs of this store lie on" in report.error


def test_a_full_disk_begins_no_job(gated, tmp_path, request):
    disk = small_disk(tmp_path / "small", "4m", request)
    surroundings = Surroundings(gated.share, KnownShare(gated.records._client), min_free=1 << 20, local=disk)
    readiness = Readiness(surroundings.check, surroundings.check_share, hold=0.0)
    gated.execution = replace(gated.execution, readiness=readiness)
    (disk / "somebody's").write_bytes(bytes(3_500_000))
    job_id = gated.submit("def main(pc, params): return 1")
    assert gated.execution.run(job_id, queue="cpu") is None
    (disk / "somebody's").unlink()
    assert gated.execution.run(job_id, queue="cpu").state is JobState.SUCCESS


@pytest.mark.parametrize(("room", "kept"), [(0, None), (10_000, b"a line\n")])
def test_a_log_that_finds_no_room_is_an_error_and_keeps_whole_writes_only(tmp_path, request, room, kept):
    disk = small_disk(tmp_path / "small", "1m", request)
    folder = Share(disk).make_folder(JOB)
    folder.logs.mkdir()
    (disk / "somebody's").write_bytes(bytes(shutil.disk_usage(disk).free - room // 4096 * 4096))
    with JobLog(folder, 1) as log:
        if kept:
            log.write(kept)
        with pytest.raises(StorageFull, match=r"No room left for attempt-1\.log"):
            log.write(b"x" * 100_000)
    path = folder.log_path(1)
    assert (path.read_bytes() if path.exists() else None) == kept


def test_a_job_whose_log_finds_no_room_goes_back_to_its_queue(fork_bench, request):
    small_disk(fork_bench.share.root, "2m", request)
    source = "def main(pc, params):\n    for _ in range(100):\n        print('x' * 100_000, flush=True)\n"
    report = fork_bench.run(source)
    assert (report.state, report.tally.crashes, report.tally.hindrances) == (JobState.RETRY, 0, 1)
    assert "The job's log cannot be written: No room left for attempt-1.log" in report.error


def test_a_worker_that_listens_on_clean_cleans_and_another_does_not(fork_bench):
    surroundings = Surroundings(fork_bench.share, KnownShare(fork_bench.records._client))
    for queues, cleans in ((("clean", "zip"), True), (("cpu", "gpu"), False)):
        made = janitor_of(Settings(queue_name=queues), fork_bench.records, fork_bench.share, surroundings)
        assert isinstance(made, Janitor) is cleans
