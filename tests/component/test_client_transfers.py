"""Files come whole or not at all."""

import pytest

from pixyz_scheduler.client import SchedulerClient, TransferFailed, Unreachable
from pixyz_scheduler.errors import NotFound, NotReady
from tests.fakes.scheduler_api import KEY, fake_scheduler, state

GONE = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def client(server, pauses):
    with SchedulerClient(server.url, KEY, clock=lambda: sum(pauses), sleep=pauses.append) as scheduler:
        yield scheduler


def test_a_file_arrives_with_its_progress_told(client, server, tmp_path):
    server.outputs = {"parts/wheel ü#1?.glb": bytes(range(256)) * 4096}
    told = []
    job = server.job().uuid
    path = client.download(job, "parts/wheel ü#1?.glb", tmp_path / "a", on_bytes=lambda *each: told.append(each))
    assert path.read_bytes() == bytes(range(256)) * 4096
    assert told[-1] == (1 << 20, 1 << 20)
    assert len(told) > 1
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_into_a_folder_it_keeps_its_name(client, server, tmp_path):
    job = server.job().uuid
    assert client.download(job, "result.glb", tmp_path) == tmp_path / "result.glb"
    assert client.download(job, "result.glb", f"{tmp_path}/new/") == tmp_path / "new" / "result.glb"
    server.archive_early = 0
    server.jobs[job].plan = (state("SUCCESS"),)
    assert client.download_all(job, tmp_path) == tmp_path / f"{job}.zip"


def test_an_empty_file_is_a_file(client, server, tmp_path):
    server.outputs = {"empty.txt": b""}
    assert client.download(server.job().uuid, "empty.txt", tmp_path / "e").read_bytes() == b""


def test_what_breaks_on_the_way_leaves_the_old_file_as_it_was(client, server, tmp_path):
    (tmp_path / "a.glb").write_bytes(b"old")
    server.faults.append(("/outputs/", "cut"))
    with pytest.raises(Unreachable, match="broke"):
        client.download(server.job().uuid, "result.glb", tmp_path / "a.glb")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.glb", b"old")]


def test_what_the_server_lacks_leaves_nothing(client, server, tmp_path):
    with pytest.raises(NotFound, match=r"has no output gone.glb"):
        client.download(server.job().uuid, "gone.glb", tmp_path / "new" / "a.glb")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(client, server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TransferFailed, match="Cannot write"):
        client.download(server.job().uuid, "result.glb", tmp_path / "file" / "a.glb")


def test_the_archive_is_asked_for_until_it_is_there(client, server, tmp_path, pauses):
    waits = []
    client.download_all(server.job().uuid, tmp_path / "all.zip", on_wait=waits.append)
    assert (tmp_path / "all.zip").read_bytes().startswith(b"PK")
    assert waits == ["The job still runs."]
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.2)


def test_the_wait_for_an_archive_can_be_bounded(client, server, tmp_path, pauses):
    server.plan = (state("RUNNING"),)
    with pytest.raises(NotReady, match="still runs"):
        client.download_all(server.job().uuid, tmp_path / "all.zip", timeout=10)
    assert 10 <= sum(pauses) < 13
    assert max(pauses) <= 2
    assert list(tmp_path.iterdir()) == []


def test_the_archive_of_an_unknown_job_is_not_waited_for(client, tmp_path, pauses):
    with pytest.raises(NotFound):
        client.download_all(GONE, tmp_path / "all.zip")
    assert pauses == []
