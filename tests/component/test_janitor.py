"""The janitor, on a real store and share: time comes in."""

import os
import shutil
import threading
import time
import uuid
from pathlib import Path

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import JobNotFound, StoreUnavailable, WrongShare
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.script.chores import ARCHIVE
from pixyz_scheduler.storage.archive import pack
from pixyz_scheduler.storage.content import UNUSED_AFTER, WORTH_IT
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.surroundings import Surroundings
from pixyz_scheduler.upkeep.janitor import Janitor

SUBMITTED_MS = 1_000_000_000
ENDED = SUBMITTED_MS / 1000 + 50
LEASE = Lease(Fence("f"), "w1")


NOW = ENDED + 1000
DAY = 24 * 3600


@pytest.fixture
def records(store_url):
    client = connect(store_url)
    client.flushall()
    yield RecordStore(client, now_ms=SUBMITTED_MS)
    client.close()


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir()
    return Share(tmp_path / "share")


def janitor_of(records, share, *, keep):
    return Janitor(records, share, Surroundings(share, KnownShare(records._client)), keep=keep)


def make(records, share, *, ended):
    job_id = JobId(str(uuid.uuid4()))
    with share.incoming() as incoming:
        incoming.adopt(job_id)
    records.now_ms = SUBMITTED_MS
    records.submit(Job(job_id, "custom", JobOptions(), submitted=0.0))
    records.claim(job_id, queue="cpu", lease=LEASE)
    if ended:
        records.now_ms = int(ENDED * 1000)
        records.commit(job_id, Finish(JobState.SUCCESS), lease=LEASE)
    return job_id


def test_time_counts_from_a_jobs_end_and_a_running_job_is_never_past_it(records, share):
    ended, running = make(records, share, ended=True), make(records, share, ended=False)
    janitor = janitor_of(records, share, keep=100.0)
    assert janitor.clean(ENDED + 99) == 0
    assert janitor.clean(ENDED + 101) == 1
    assert not share.folder(ended).exists()
    with pytest.raises(JobNotFound):
        records.report(ended)
    assert janitor.clean(ENDED + 1e9) == 0
    assert share.folder(running).exists()
    assert records.report(running).state is JobState.STARTED


def test_many_go_in_one_round_and_twice_is_well(records, share):
    ids = [make(records, share, ended=True) for _ in range(120)]
    assert janitor_of(records, share, keep=1.0).clean(ENDED + 10) == 120
    assert janitor_of(records, share, keep=1.0).clean(ENDED + 10) == 0
    assert not any(share.folder(job_id).exists() for job_id in ids)


def test_a_record_whose_files_went_before_is_forgotten(records, share):
    job_id = make(records, share, ended=True)
    share.folder(job_id).remove()
    assert janitor_of(records, share, keep=1.0).clean(ENDED + 10) == 1


def test_a_link_in_place_of_a_folder_is_not_followed(records, share, tmp_path):
    job_id = make(records, share, ended=True)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    share.folder(job_id).remove()
    share.folder(job_id).path.symlink_to(precious)
    janitor_of(records, share, keep=1.0).clean(ENDED + 10)
    assert (precious / "file").read_text() == "keep"


def test_without_cleanup_only_what_killed_requests_left_is_removed(records, share):
    job_id = make(records, share, ended=True)
    left = share.root / ".incoming" / "left"
    left.mkdir()
    os.utime(left, (0, 0))
    assert janitor_of(records, share, keep=None).clean(ENDED + 1e9) == 0
    assert share.folder(job_id).exists()
    assert not left.exists()


def job_of(records, share, *parts):
    """An ended job, and paths of it."""
    job_id = make(records, share, ended=True)
    folder = share.folder(job_id)
    for part in parts:
        path = folder.path / part
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    return job_id, folder


def known_jobs(records):
    return {job_id for job_id, _ in records.ended_before(1e12, limit=1000)}


STEPS = [
    "before the files",
    "after the renaming",
    "in the middle of the files",
    "before the record",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_janitor_that_is_killed_at_any_step_leaves_what_the_next_one_ends(records, share, monkeypatch, step):
    job_id, folder = job_of(records, share, "outputs/a", "logs/b")

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as world:
        match step:
            case "before the files":
                world.setattr("pixyz_scheduler.storage.job_folder.JobFolder.remove", killed)
            case "after the renaming":
                world.setattr("pixyz_scheduler.storage.job_folder.remove_tree", killed)
            case "in the middle of the files":
                world.setattr(
                    "pixyz_scheduler.storage.disk.shutil.rmtree", lambda path: (path / "outputs/a").unlink() or killed()
                )
            case "before the record":
                world.setattr(type(records), "forget", killed)
        with pytest.raises(Killed):
            janitor_of(records, share, keep=1.0).clean(NOW)
    assert records.report(job_id).state is JobState.SUCCESS, "who asks is told, or it is gone: never in between"
    janitor_of(records, share, keep=1.0).clean(NOW)
    assert known_jobs(records) == set()
    assert not folder.exists()
    assert list((share.root / ".trash").iterdir()) == []


def test_a_job_that_is_run_again_while_others_are_removed_keeps_its_files(records, share):
    first, again = make(records, share, ended=True), make(records, share, ended=True)
    janitor = janitor_of(records, share, keep=1.0)
    listed = records.ended_before(NOW - 1)
    assert {job_id for job_id, _ in listed} == {first, again}
    records.run_again(again, queue="cpu")
    assert not janitor._remove(again, NOW - 1)
    assert janitor._remove(first, NOW - 1)
    assert share.folder(again).exists()
    assert records.report(again).state is JobState.SENT


def test_a_job_whose_files_are_going_is_not_run_again(records, share):
    job_id = make(records, share, ended=True)
    assert records.expire(job_id, moment=NOW)
    assert records.run_again(job_id, queue="cpu") == "doomed"
    assert not records.expire(make(records, share, ended=True), moment=ENDED - 1), "it had not ended by then"
    assert not records.expire(make(records, share, ended=False), moment=NOW)
    assert not records.expire(JobId(str(uuid.uuid4())), moment=NOW)


def test_what_cannot_be_removed_keeps_nobody_else(records, share, caplog):
    stuck = [make(records, share, ended=True) for _ in range(110)]
    client = records._client
    for job_id in stuck:
        client.hset(f"ps:job:{job_id}", "v", "999")
        client.zadd("ps:finished", {job_id: ENDED - 1})
    free = make(records, share, ended=True)
    assert janitor_of(records, share, keep=1.0).clean(NOW) == 1
    assert not share.folder(free).exists()
    assert all(share.folder(job_id).exists() for job_id in stuck)
    assert "not removed: A record of another version" in caplog.text


def test_many_janitors_at_once_remove_each_job_once(records, share, store_url):
    ids = [make(records, share, ended=True) for _ in range(60)]
    removed = []

    def work():
        with connect(store_url) as client:
            removed.append(janitor_of(RecordStore(client), share, keep=1.0).clean(NOW))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(removed) == 60
    assert not any(share.folder(job_id).exists() for job_id in ids)


def test_on_another_share_nothing_is_touched(records, share):
    job_id, folder = job_of(records, share, "outputs/a")
    janitor = janitor_of(records, share, keep=1.0)
    janitor.clean(0.0)
    (share.root / ".trash").mkdir(exist_ok=True)
    (share.root / ".trash" / "somebody's").write_text("x")
    (share.root / ".ps-share-id").write_text(f"{uuid.uuid4()}\n")
    with pytest.raises(WrongShare):
        janitor.clean(NOW)
    with pytest.raises(WrongShare):
        janitor_of(records, share, keep=1.0).clean(NOW)
    assert folder.exists()
    assert (share.root / ".trash" / "somebody's").exists()
    assert known_jobs(records) == {job_id}


@pytest.mark.parametrize("corner", [".trash", ".incoming"])
def test_a_link_in_place_of_a_corner_is_not_followed(records, share, tmp_path, corner):
    job_id, folder = job_of(records, share, "outputs/a")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    os.utime(precious / "file", (0, 0))
    if (share.root / corner).exists():
        (share.root / corner).rmdir()
    (share.root / corner).symlink_to(precious)
    janitor_of(records, share, keep=1.0).clean(NOW)
    assert sorted(path.name for path in precious.iterdir()) == ["file"]
    # Without a trash nothing can be removed: the job stays known, and is met again.
    assert folder.exists() is (corner == ".trash")
    assert known_jobs(records) == ({job_id} if corner == ".trash" else set())


def test_a_link_inside_a_job_is_removed_and_what_it_leads_to_is_not(records, share, tmp_path):
    _, folder = job_of(records, share)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    (folder.outputs / "link").symlink_to(precious)
    shutil.rmtree(folder.inputs)
    folder.inputs.symlink_to(precious)
    assert janitor_of(records, share, keep=1.0).clean(NOW) == 1
    assert not folder.path.exists()
    assert (precious / "file").read_text() == "keep"


def test_a_share_named_by_a_relative_path_is_cleaned_from_wherever_the_process_stands(records, tmp_path, monkeypatch):
    (tmp_path / "here" / "share").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    share = Share(Path("share"))
    job_id = make(records, share, ended=True)
    monkeypatch.chdir("/")
    assert janitor_of(records, share, keep=1.0).clean(NOW) == 1
    assert not (tmp_path / "here" / "share" / job_id).exists()


def test_a_share_that_is_a_link_is_the_one_that_it_led_to_at_the_start(records, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "a")
    share = Share(link)
    job_id = make(records, share, ended=True)
    (tmp_path / "b" / job_id).mkdir()
    link.unlink()
    link.symlink_to(tmp_path / "b")
    assert janitor_of(records, share, keep=1.0).clean(NOW) == 1
    assert (tmp_path / "b" / job_id).exists()
    assert not (tmp_path / "a" / job_id).exists()


@pytest.mark.parametrize("job_id", ["../escape", "", ".", "..", ".incoming", "x/../../y"])
def test_an_id_that_is_none_removes_nothing(records, share, tmp_path, job_id):
    (tmp_path / "escape").mkdir()
    client = records._client
    client.hset(f"ps:job:{job_id}", mapping={"v": "1", "state": "SUCCESS", "queue": "cpu"})
    client.zadd("ps:finished", {job_id: ENDED})
    before = sorted(tmp_path.rglob("*"))
    janitor = janitor_of(records, share, keep=1.0)
    assert janitor.clean(NOW) == 0
    assert [path for path in before if not path.exists()] == []


def test_the_jobs_that_make_archives_go_too_and_the_archives_with_their_jobs(records, share):
    _, folder = job_of(records, share, "outputs/a")
    pack(folder)
    chore = JobId(str(uuid.uuid4()))
    records.now_ms = SUBMITTED_MS
    records.submit(Job(chore, ARCHIVE, JobOptions(queue="zip", compute_only=True), submitted=0.0))
    records.claim(chore, queue="zip", lease=LEASE)
    records.now_ms = int(ENDED * 1000)
    records.commit(chore, Finish(JobState.SUCCESS), lease=LEASE)
    assert janitor_of(records, share, keep=1.0).clean(NOW) == 2
    assert known_jobs(records) == set()
    assert not folder.archive_path.exists()


def leftover(share, *, age, now):
    """The folder of a submission whose record may not have been written."""
    job_id = str(uuid.uuid4())
    with share.incoming() as incoming:
        incoming.create("script", "a.py").write(b"x")
        folder = incoming.adopt(job_id)
    for path in (folder.inputs / "a.py", folder.inputs, folder.outputs, folder.path):
        os.utime(path, (now - age, now - age))
    return folder


@pytest.fixture
def later(records, share):
    """A moment two days after the store met the share."""
    janitor_of(records, share, keep=None).clean(0.0)
    return records._client.time()[0] + 2 * DAY


def test_files_that_never_became_a_job_go_after_a_day(records, share, later):
    old, young = leftover(share, age=DAY + 60, now=later), leftover(share, age=DAY - 60, now=later)
    janitor_of(records, share, keep=None).clean(later)
    assert (old.exists(), young.exists()) == (False, True)


KEEP = {
    "it has a record": lambda folder, records: records.submit(
        Job(JobId(folder.job_id), "custom", JobOptions(), submitted=0.0)
    ),
    "it has a state of its own": lambda folder, _: (folder.path / ".state").mkdir(),
    "it has an output": lambda folder, _: (folder.outputs / "a").write_text("x"),
    "it has a log": lambda folder, _: folder.logs.mkdir(),
    "it has an archive": lambda folder, _: folder.archives.mkdir(),
    "its outputs are a link": lambda folder, _: (folder.outputs.rmdir(), folder.outputs.symlink_to("/")),
    "its name has another case": lambda folder, _: folder.path.rename(folder.share / folder.job_id.upper()),
    "it is no job's": lambda folder, _: folder.path.rename(folder.share / "my-own-folder"),
    "it was written lately": lambda folder, _: os.utime(folder.inputs / "a.py"),
}


@pytest.mark.parametrize("why", KEEP)
def test_a_folder_stays_where(records, share, later, why):
    folder = leftover(share, age=DAY + 60, now=later)
    KEEP[why](folder, records)
    times = later if why == "it was written lately" else later - DAY - 60
    for path in (folder.path, folder.inputs / "a.py") if folder.exists() else ():
        os.utime(path, (times, times))
    before = sorted(path.name for path in share.root.iterdir())
    janitor_of(records, share, keep=None).clean(later)
    assert sorted(path.name for path in share.root.iterdir()) == before


def test_a_store_that_lost_its_data_has_no_folder_removed(records, share, later):
    """What it does not know is older than itself: that is what a reconciliation restores."""
    folder = leftover(share, age=DAY + 60, now=later)
    records._client.flushall()
    records._client.set("ps:born", int(later))
    janitor_of(records, share, keep=None).clean(later + 10 * DAY)
    assert folder.exists()


def test_a_store_that_does_not_answer_has_nothing_removed(records, share, later, tmp_path):
    folder = leftover(share, age=DAY + 60, now=later)
    nobody = RecordStore(connect(f"unix://{tmp_path}/nobody.sock"))
    with pytest.raises(StoreUnavailable):
        Janitor(nobody, share, Surroundings(share, KnownShare(records._client)), keep=None).clean(later)
    assert folder.exists()


def test_a_shared_input_that_is_no_jobs_any_more_goes_after_some_minutes(records, share):
    with share.incoming() as incoming:
        with incoming.create("input", "part.step") as file:
            file.write(b"x" * WORTH_IT)
        folder = share.content.adopt(incoming, str(uuid.uuid4()), [file])
    janitor, now = janitor_of(records, share, keep=None), time.time()
    janitor.clean(now)
    folder.remove()
    janitor.clean(now + UNUSED_AFTER)
    (entry,) = (share.root / ".content").glob("*/*")
    assert entry.stat().st_nlink == 1
    # What has lain there so long by the second look is gone at the third.
    janitor.clean(now + 2 * UNUSED_AFTER + 10)
    assert not entry.exists()
