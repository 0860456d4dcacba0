"""Files come whole or not at all."""

import pytest

from pixyz_scheduler.client import SchedulerClient, TransferFailed, Unreachable
from pixyz_scheduler.errors import BadInput, NotFound, NotReady, Unavailable
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


BIG = bytes(range(256)) * 4096
"""More than one piece."""


def asked(server):
    return [headers.get("range") for _, path, headers in server.requests if "/outputs/" in path]


def test_what_breaks_on_the_way_goes_on_where_it_was(client, server, tmp_path):
    server.outputs = {"result.glb": BIG}
    server.faults += [("/outputs/", "cut"), ("/outputs/", 503), ("/outputs/", "cut")]
    told = []
    path = client.download(
        server.job().uuid, "result.glb", tmp_path / "a.glb", on_bytes=lambda *each: told.append(each)
    )
    assert path.read_bytes() == BIG
    assert [each.name for each in tmp_path.iterdir()] == ["a.glb"]
    half, more = len(BIG) // 2, len(BIG) * 3 // 4
    assert asked(server) == [None, f"bytes={half}-", f"bytes={half}-", f"bytes={more}-"]
    assert told == sorted(told)
    assert {total for _, total in told} == {len(BIG)}


def test_without_an_etag_it_begins_anew(client, server, tmp_path):
    server.etag = None
    server.outputs = {"result.glb": BIG}
    server.faults.append(("/outputs/", "cut"))
    assert client.download(server.job().uuid, "result.glb", tmp_path / "a.glb").read_bytes() == BIG
    assert asked(server) == [None, None]
    assert [each.name for each in tmp_path.iterdir()] == ["a.glb"]


@pytest.fixture
def interrupted(client, server, tmp_path):
    """A download that a program left half done when it was killed; the job."""

    def stop(done, _):
        if done >= len(BIG) // 2:
            raise KeyboardInterrupt

    server.outputs = {"result.glb": BIG}
    job = server.job()
    with pytest.raises(KeyboardInterrupt):
        client.download(job.uuid, "result.glb", tmp_path / "a.glb", on_bytes=stop)
    assert {each.name for each in tmp_path.iterdir()} == {"a.glb.part", "a.glb.part.tag"}
    server.requests.clear()
    return job


def test_the_next_call_goes_on_with_what_an_interrupted_one_left(client, server, tmp_path, interrupted):
    left = (tmp_path / "a.glb.part").stat().st_size
    path = client.download(interrupted.uuid, "result.glb", tmp_path / "a.glb")
    assert path.read_bytes() == BIG
    assert asked(server) == [f"bytes={left}-"]
    assert [each.name for each in tmp_path.iterdir()] == ["a.glb"]


def test_a_file_that_changed_meanwhile_comes_whole(client, tmp_path, interrupted):
    interrupted.outputs = {"result.glb": BIG[::-1]}
    assert client.download(interrupted.uuid, "result.glb", tmp_path / "a.glb").read_bytes() == BIG[::-1]


@pytest.mark.usefixtures("interrupted")
def test_another_file_for_the_same_place_is_not_glued_to_the_first(client, server, tmp_path):
    other = server.job()
    assert client.download(other.uuid, "result.glb", tmp_path / "a.glb").read_bytes() == BIG
    assert asked(server) == [None]


def test_a_part_that_is_whole_is_only_put_in_its_place(client, server, tmp_path, interrupted):
    (tmp_path / "a.glb.part").write_bytes(BIG)
    assert client.download(interrupted.uuid, "result.glb", tmp_path / "a.glb").read_bytes() == BIG
    assert asked(server) == [f"bytes={len(BIG)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(client, tmp_path, interrupted):
    (tmp_path / "a.glb.part").write_bytes(BIG + b"more")
    assert client.download(interrupted.uuid, "result.glb", tmp_path / "a.glb").read_bytes() == BIG


def test_a_tag_that_is_damaged_is_no_tag(client, tmp_path, interrupted):
    (tmp_path / "a.glb.part.tag").write_bytes(b"\xff{")
    assert client.download(interrupted.uuid, "result.glb", tmp_path / "a.glb").read_bytes() == BIG
    assert [each.name for each in tmp_path.iterdir()] == ["a.glb"]


def test_the_archive_is_gone_on_with_too(client, server, tmp_path):
    server.archive, server.archive_early = BIG, 0
    server.faults.append(("/archive", "cut"))
    job = server.job((state("SUCCESS"),))
    assert client.download_all(job.uuid, tmp_path / "all.zip").read_bytes() == BIG
    assert asked(server) == [None, f"bytes={len(BIG) // 2}-"]


def test_a_server_that_stays_away_leaves_the_old_file_and_what_has_come(client, server, tmp_path):
    (tmp_path / "a.glb").write_bytes(b"old")
    server.faults += [("/outputs/", "cut"), *[("/outputs/", 503)] * 100]
    with pytest.raises(Unavailable, match="The store does not answer"):
        client.download(server.job().uuid, "result.glb", tmp_path / "a.glb")
    assert (tmp_path / "a.glb").read_bytes() == b"old"
    assert (tmp_path / "a.glb.part").stat().st_size == len(server.outputs["result.glb"]) // 2


def test_a_server_that_was_never_there_is_an_error_at_once(tmp_path, pauses):
    with (
        SchedulerClient("http://127.0.0.1:1", KEY, sleep=pauses.append) as client,
        pytest.raises(Unreachable, match="No scheduler answers"),
    ):
        client.download(GONE, "result.glb", tmp_path / "a.glb")
    assert pauses == []


def test_all_files_of_a_job_come_into_a_folder(client, server, tmp_path):
    server.outputs = {"a.glb": b"1", "parts/b c.glb": b"2"}
    heard = []
    found = client.submit(process="sleep").wait().download(tmp_path / "out")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["out/a.glb", "out/parts/b c.glb"]
    client.download_outputs(server.submitted().uuid, tmp_path / "again", on_file=heard.append)
    assert heard == ["a.glb", "parts/b c.glb"]


def test_a_server_that_names_files_outside_cannot_write_there(client, server, tmp_path):
    server.outputs = {"../evil": b"1"}
    with pytest.raises(BadInput, match="is not the path of an output"):
        client.download_outputs(server.job().uuid, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


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
