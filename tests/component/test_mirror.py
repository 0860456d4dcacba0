"""The mirror, on a real store and share: every end comes to lie beside its files, whoever is killed."""

import threading
import uuid

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import JobNotFound, StoreUnavailable
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import read_ended
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import ENDED, StateFiles
from pixyz_scheduler.upkeep.mirror import Mirror

NOW_MS = 1_000_000_000
LEASE = Lease(Fence("f"), "w1")


@pytest.fixture
def records(client):
    return RecordStore(client, now_ms=NOW_MS)


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir()
    return Share(tmp_path / "share")


@pytest.fixture
def mirror(records, share):
    return Mirror(records, share)


@pytest.fixture
def job_of(records, share):
    def make(*, folder=True, ended=True, **options):
        job_id = JobId(str(uuid.uuid4()))
        with share.incoming() as incoming:
            if folder:
                incoming.adopt(job_id)
        records.submit(Job(job_id, "custom", JobOptions(**options), submitted=0.0, name="né"))
        records.claim(job_id, queue="cpu", lease=LEASE)
        if ended:
            end(records, job_id)
        return job_id

    return make


def end(records, job_id, result="1"):
    fields = {"result": result, "traceback": "", "progress": '{"total": 1}', "attempts": "[]"}
    assert records.commit(job_id, Finish(JobState.SUCCESS), lease=LEASE, fields=fields) is JobState.SUCCESS


def kept(share, job_id):
    text = StateFiles(share.folder(job_id)).read(ENDED)
    return None if text is None else read_ended(job_id, text)


def to_mirror(client):
    return client.zrange("ps:unmirrored", 0, -1)


def test_the_whole_record_of_an_ended_job_comes_to_lie_beside_its_files(mirror, records, share, job_of, client):
    job_id = job_of()
    mirror.write(job_id)
    assert kept(share, job_id) == records.record(job_id)
    assert to_mirror(client) == []


def test_a_running_job_has_no_end(mirror, share, job_of):
    job_id = job_of(ended=False)
    mirror.write(job_id)
    assert kept(share, job_id) is None


def test_what_its_process_did_not_write_another_one_does(mirror, records, share, job_of, client):
    """Whoever ended them was killed."""
    ids = {job_of() for _ in range(60)}
    assert mirror.catch_up() == 0
    records.now_ms += 3000
    assert mirror.catch_up() + mirror.catch_up() == 60
    assert all(kept(share, job_id) for job_id in ids)
    assert to_mirror(client) == []


@pytest.mark.parametrize("why", ["compute only", "its folder is gone", "forgotten"])
def test_a_job_without_a_folder_is_dropped_from_what_is_to_be_mirrored(mirror, records, job_of, client, share, why):
    job_id = job_of(folder=why == "forgotten", compute_only=why == "compute only")
    if why == "forgotten":
        share.folder(job_id).remove()
        records.forget(job_id)
        client.zadd("ps:unmirrored", {job_id: 1})
    mirror.write(job_id)
    assert to_mirror(client) == []
    assert not share.folder(job_id).exists()


def test_where_the_share_is_away_an_end_waits_for_it(mirror, records, share, job_of, client):
    """A mount point without its mount is an empty folder."""
    job_id = job_of()
    away = share.root.with_name("away")
    share.root.rename(away)
    share.root.mkdir()
    mirror.write(job_id)
    assert to_mirror(client) == [job_id]
    share.root.rmdir()
    away.rename(share.root)
    records.now_ms += 3000
    assert mirror.catch_up() == 1
    assert kept(share, job_id)


def test_a_folder_that_its_script_spoilt_keeps_no_other_from_its_end(mirror, records, share, job_of, client, tmp_path):
    spoilt, whole, odd = job_of(), job_of(), job_of()
    (share.folder(spoilt).path / ".state").symlink_to(tmp_path)
    client.hset(f"ps:job:{odd}", "options", "no JSON")
    records.now_ms += 3000
    assert mirror.catch_up() == 3
    assert kept(share, whole)
    assert to_mirror(client) == [odd]
    assert not list(tmp_path.glob("final*"))


def test_a_job_that_is_put_to_work_again_has_no_end_on_the_share_any_more(mirror, records, share, job_of):
    job_id = job_of()
    mirror.write(job_id)
    with StateFiles(share.folder(job_id)).set_aside():
        assert kept(share, job_id) is None
        # A mirror that had read the old end writes it in this moment.
        mirror.write(job_id)
        records.run_again(job_id, queue="cpu")
    assert kept(share, job_id) is None


def test_a_mirror_at_work_while_the_job_is_put_to_work_again_takes_its_old_end_away(mirror, records, share, job_of):
    job_id = job_of()
    record = records.record(job_id)
    records.run_again(job_id, queue="cpu")
    # It had read the record before.
    mirror._write(records.report(job_id), record)
    assert kept(share, job_id)
    mirror.write(job_id)
    assert kept(share, job_id) is None


def test_the_next_end_takes_the_place_of_the_old_one(mirror, records, share, job_of):
    job_id = job_of()
    mirror.write(job_id)
    records.run_again(job_id, queue="cpu")
    records.now_ms += 1000
    records.claim(job_id, queue="cpu", lease=LEASE)
    end(records, job_id, "2")
    mirror.write(job_id)
    assert kept(share, job_id)["result"] == "2"


def test_as_a_thread_it_writes_at_once_and_all_that_it_was_told_before_it_ends(records, share, job_of, client):
    ids = [job_of() for _ in range(30)]
    with Mirror(records, share) as mirror:
        for job_id in ids:
            mirror.soon(job_id)
    assert all(kept(share, job_id) for job_id in ids)
    assert to_mirror(client) == []


def test_any_number_may_catch_up_at_once(records, share, job_of, client, store_url):
    ids = [job_of() for _ in range(40)]
    records.now_ms += 3000

    def work():
        with connect(store_url) as own:
            Mirror(RecordStore(own, now_ms=records.now_ms), share).catch_up()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [kept(share, job_id)["state"] for job_id in ids] == ["SUCCESS"] * 40
    assert to_mirror(client) == []


def test_a_store_that_is_away_ends_no_mirror(tmp_path, share):
    mirror = Mirror(RecordStore(connect(f"unix://{tmp_path}/nobody.sock")), share)
    mirror._try_to_catch_up()
    mirror._try(JobId(str(uuid.uuid4())))
    with pytest.raises(StoreUnavailable):
        mirror.catch_up()


def test_an_unknown_job_makes_nothing(mirror, records, share):
    job_id = JobId(str(uuid.uuid4()))
    mirror.write(job_id)
    assert not share.folder(job_id).exists()
    with pytest.raises(JobNotFound):
        records.record(job_id)
