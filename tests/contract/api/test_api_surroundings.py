"""What the API says when the share is not ours or the disk is full, archives too: and that nothing is left behind."""

import io
import socket
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.errors import JobNotFound
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage import archive
from pixyz_scheduler.storage.share_id import SHARE_ID, make_share_id
from pixyz_scheduler.surroundings import adopt_share
from tests.contract.api.conftest import KEY, running, settings_for
from tests.fakes.small_disk import small_disk

MIB = 1 << 20


@pytest.fixture
def own(store_url, tmp_path):
    """An API with a store and a share that no other test has."""
    with running(settings_for(store_url, tmp_path)) as api:
        yield api


@pytest.fixture
def small(store_url, tmp_path, request):
    """An API whose share is a disk of 16 MiB, of which 4 must stay free."""
    disk = small_disk(tmp_path / "small", "16m", request)
    with running(settings_for(store_url, tmp_path, share_path=disk, min_free_space=4 * MIB)) as api:
        yield api


def told(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]["details"]


def unmount(api):
    api.share.root.rename(api.share.root.with_name("mounted"))
    api.share.root.mkdir()


def mount(api):
    api.share.root.rmdir()
    api.share.root.with_name("mounted").rename(api.share.root)


def ended(api, *, output=b"1"):
    job_id = api.new_job()
    api.claim(job_id)
    api.output(job_id, "a.bin", output)
    api.commit(job_id, Finish(JobState.SUCCESS), result="null")
    return job_id


def test_the_first_job_gives_the_share_its_id(own):
    assert own.send().status_code == 200
    assert (own.share.root / SHARE_ID).is_file()


def test_a_share_that_is_not_mounted_is_503_on_every_route_that_needs_it_and_no_job_is_lost(own):
    job_id = ended(own)
    unmount(own)
    files = {"file": ("big.bin", b"x" * (3 * MIB))}
    answers = [own.send(), own.send(files=files)]
    answers += [own.http.get(f"/jobs/{job_id}/outputs{path}") for path in ("", "/a.bin", "/archive")]
    for answer in answers:
        assert f"it has no {SHARE_ID}, expected is" in told(answer, 503)
        assert answer.headers["retry-after"] == "2"
    assert own.on_share() == []
    ready = own.http.get("/health/ready")
    assert (ready.status_code, list(ready.json()["problems"])) == (503, ["share"])
    assert "is not the one" in ready.json()["problems"]["share"]
    assert own.http.get(f"/jobs/{job_id}").json()["status"] == "SUCCESS", "what needs no share goes on"
    mount(own)
    assert own.http.get(f"/jobs/{job_id}/outputs").json() == {"outputs": ["a.bin"]}
    assert own.send().status_code == 200


def test_a_job_is_neither_forgotten_nor_run_again_while_its_files_are_out_of_reach(own):
    job_id = ended(own)
    unmount(own)
    for method, path in (("DELETE", ""), ("POST", "/retry")):
        assert "expected is" in told(own.http.request(method, f"/jobs/{job_id}{path}"), 503)
    assert own.http.get(f"/jobs/{job_id}").json()["status"] == "SUCCESS"
    mount(own)
    assert own.http.delete(f"/jobs/{job_id}").status_code == 204
    assert not own.share.folder(job_id).exists()


def test_a_share_that_is_unmounted_while_the_files_come_makes_no_job(own):
    def body():
        yield b'--limit\r\nContent-Disposition: form-data; name="script"; filename="a.py"\r\n\r\n'
        yield b"def main(pc, params): pass\n\r\n"
        yield b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.step"\r\n\r\n'
        yield b"x" * (2 * MIB)
        unmount(own)
        yield b"\r\n--limit--\r\n"

    own.new_job()
    answer = own.http.post("/jobs", content=body(), headers={"content-type": "multipart/form-data; boundary=limit"})
    details = told(answer, 503)
    # By when it was met: before the first file, between the two steps of the unmounting, or after the last.
    met = ("went away", "is not there", "is not the one")
    assert any(words in details for words in met), details
    assert own.on_share() == []
    assert len(own.http.get("/jobs").json()["jobs"]) == 1


def test_another_share_is_refused_until_it_is_taken_on_purpose(own):
    own.new_job()
    unmount(own)
    make_share_id(own.share.root)
    assert "it has the id" in told(own.send(), 503)
    with connect(own.settings.store_url) as client:
        adopt_share(own.share, KnownShare(client))
    assert own.send().status_code == 200


def test_too_little_room_is_507_before_the_body_is_read(small):
    address = urlsplit(small.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as line:
        head = f"POST /jobs HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\nContent-Length: {13 * MIB}\r\n"
        line.sendall(f"{head}Content-Type: multipart/form-data; boundary=limit\r\n\r\n".encode())
        said = line.recv(65536).decode()
    assert "507 Insufficient Storage" in said.partition("\r\n")[0]
    assert "4 MiB must be after the 13 MiB that come (MIN_FREE_SPACE)" in said
    assert small.on_share() == []


def test_a_disk_below_its_least_room_takes_no_job_however_small_and_ready_says_so(small):
    job_id = small.new_job()
    (small.share.root / "somebody's").write_bytes(bytes(13 * MIB))
    before = small.on_share()
    details = told(small.send(), 507)
    assert "MiB are free on the disk of" in details
    assert "(MIN_FREE_SPACE)" in details
    ready = small.http.get("/health/ready")
    assert (ready.status_code, list(ready.json()["problems"])) == (503, ["space"])
    assert small.http.get(f"/jobs/{job_id}").status_code == 200
    assert small.on_share() == before
    (small.share.root / "somebody's").unlink()
    assert small.http.get("/health/ready").status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_disk_that_fills_in_mid_upload_is_507_and_keeps_nothing_of_it(small, announced):
    head = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="part.bin"\r\n\r\n'
    tail = b"\r\n--limit--\r\n"

    def body():
        yield head
        for n in range(10):
            if n == 2:
                while not list(small.share.root.glob(".incoming/*/inputs/part.bin")):
                    pass
                (small.share.root / "somebody's").write_bytes(bytes(10 * MIB))
            yield bytes(MIB)
        yield tail

    small.new_job()
    before = small.on_share()
    headers = {"content-type": "multipart/form-data; boundary=limit"}
    if announced:
        headers["content-length"] = str(len(head) + 10 * MIB + len(tail))
    answer = small.http.post("/jobs", content=body(), headers=headers)
    assert "No room left for part.bin" in told(answer, 507)
    (small.share.root / "somebody's").unlink()
    assert small.on_share() == before
    assert small.send().status_code == 200


@pytest.mark.parametrize("files", range(2, 7))
def test_a_disk_without_a_file_left_to_make_is_507_and_keeps_nothing(store_url, tmp_path, request, files):
    """At each step of a submission: the share's id, the corner, the folder, its parts, the script."""
    disk = small_disk(tmp_path / "small", f"16m,nr_inodes={files}", request)
    with running(settings_for(store_url, tmp_path, share_path=disk)) as api:
        assert "No room left" in told(api.send(), 507)
        assert api.on_share() == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("StorageFull: No room left for a.zip.", 507),
        ("NotReady: The outputs of job x changed while they were packed; ask again.", 425),
        ("Unavailable: The disk of /share does not serve: Stale file handle.", 503),
        ("UnsafePath: /share/archives is not a folder of the share; nothing was done.", 404),
    ],
)
def test_an_archive_that_could_not_be_made_says_why_by_its_status_and_is_tried_again(own, error, status):
    job_id = ended(own)
    told(fetch(own, job_id), 425)
    # Its id follows from the outputs.
    chore = JobId(str(uuid.uuid5(uuid.UUID(job_id), archive.manifest(own.share.folder(job_id)))))
    own.claim(chore, queue="zip")
    own.commit(chore, Finish(JobState.FAILURE, "script_error", error))
    assert told(fetch(own, job_id), status) == f"The archive could not be made: {error}"
    told(fetch(own, job_id), 425)
    assert own.claim(chore, queue="zip").verdict == "run"


def test_however_many_ask_at_once_one_archive_is_made(own):
    job_id = ended(own)
    with ThreadPoolExecutor(8) as threads:
        assert {answer.status_code for answer in threads.map(lambda _: fetch(own, job_id), range(32))} == {425}
    with connect(own.settings.store_url) as client:
        assert client.zcard("ps:queue:zip") == 1
        assert client.llen("zip:5") + client.llen("zip") == 1, "and its doorbell is rung once"


def test_the_archive_of_a_job_that_runs_again_is_not_handed_out_nor_is_the_old_one_afterwards(own):
    job_id = ended(own)
    archive.pack(own.share.folder(job_id))
    assert members(fetch(own, job_id)) == {"a.bin": b"1"}
    with connect(own.settings.store_url) as client:
        client.hset(f"ps:job:{job_id}", "state", "STARTED")
        told(fetch(own, job_id), 425)
        own.output(job_id, "a.bin", b"22")
        client.hset(f"ps:job:{job_id}", "state", "SUCCESS")
    assert "is being made" in told(fetch(own, job_id), 425)
    archive.pack(own.share.folder(job_id))
    assert members(fetch(own, job_id)) == {"a.bin": b"22"}


def test_the_archive_of_a_job_that_was_removed_is_404_and_makes_no_folder(own):
    job_id = ended(own)
    told(fetch(own, job_id), 425)
    folder = own.share.folder(job_id)
    folder.remove()
    own.records.forget(job_id)
    assert told(fetch(own, job_id), 404) == f"No job has the id {job_id}."
    # The job on `zip` comes too late.
    with pytest.raises(JobNotFound):
        archive.pack(folder)
    assert not folder.exists()


def test_the_api_alone_removes_old_jobs(store_url, tmp_path):
    with running(settings_for(store_url, tmp_path, cleanup_enabled=True, cleanup_delay=0.0)) as api:
        job_id = ended(api)
        while api.http.get(f"/jobs/{job_id}").status_code != 404:
            pass
        assert not api.share.folder(job_id).exists()


def fetch(api, job_id):
    return api.http.get(f"/jobs/{job_id}/outputs/archive")


def members(answer):
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}
