"""AsyncSchedulerClient says and does what SchedulerClient says and does."""

import asyncio
import inspect

import pytest

from pixyz_scheduler.client import AsyncJob, AsyncSchedulerClient, Job, JobFailed, SchedulerClient, Unreachable
from pixyz_scheduler.errors import AccessDenied, NotFound
from tests.fakes.scheduler_api import KEY, PROCESSES, fake_scheduler, state

GONE = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


def public(kind):
    return {
        name: inspect.signature(member)
        for name, member in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(member)
    }


@pytest.mark.parametrize(("blocking", "awaited"), [(SchedulerClient, AsyncSchedulerClient), (Job, AsyncJob)])
def test_both_have_the_same_methods_with_the_same_arguments(blocking, awaited):
    one, other = public(blocking), public(awaited)
    assert one.keys() == other.keys()
    for name, signature in one.items():
        assert signature.parameters == other[name].parameters, name


@pytest.mark.parametrize("events", [0, 100], ids=["asking", "events"])
def test_a_job_is_sent_watched_and_its_files_are_fetched(server, tmp_path, events):
    server.events = events
    server.outputs = {"a.glb": bytes(300_000), "parts/b.glb": b"2"}
    (tmp_path / "wheel.step").write_bytes(bytes(200_000))
    seen, gone = [], []

    async def story():
        async with AsyncSchedulerClient(server.url, KEY) as scheduler:
            job = await scheduler.submit(
                process="sleep", file=tmp_path / "wheel.step", on_bytes=lambda *each: gone.append(each)
            )
            ended = await job.wait(on_change=lambda now: seen.append(now.status))
            return ended, await job.download(tmp_path / "out")

    ended, files = asyncio.run(story())
    assert ended.result == {"output": "result.glb"}
    assert seen == ["PENDING", "RUNNING", "RUNNING", "SUCCESS"]
    assert [path.relative_to(tmp_path).as_posix() for path in files] == ["out/a.glb", "out/parts/b.glb"]
    assert files[0].read_bytes() == bytes(300_000)
    assert server.submitted().files["file"] == ("wheel.step", bytes(200_000))
    assert gone[-1] == (200_000, 200_000)


def test_a_download_that_breaks_goes_on_where_it_was(server, tmp_path):
    server.outputs = {"result.glb": bytes(1 << 20)}
    server.faults.append(("/outputs/", "cut"))

    async def story():
        async with AsyncSchedulerClient(server.url, KEY) as scheduler:
            return await scheduler.download(server.job().uuid, "result.glb", tmp_path / "a.glb")

    assert asyncio.run(story()).read_bytes() == bytes(1 << 20)
    assert server.requests[-1][2]["range"] == f"bytes={1 << 19}-"


def test_many_jobs_are_waited_for_at_once(server):
    jobs = [server.job().uuid for _ in range(20)]

    async def story():
        async with AsyncSchedulerClient(server.url, KEY) as scheduler:
            return await asyncio.gather(*(scheduler.wait(job) for job in jobs))

    assert [job.uuid for job in asyncio.run(story())] == jobs


def test_its_errors_are_those_of_the_other(server):
    async def ask(url, token, job):
        async with AsyncSchedulerClient(url, token) as scheduler:
            return await scheduler.status(job)

    with pytest.raises(NotFound, match=f"No job has the id {GONE}"):
        asyncio.run(ask(server.url, KEY, GONE))
    with pytest.raises(AccessDenied, match="refuses the key"):
        asyncio.run(ask(server.url, "wrong", GONE))
    with pytest.raises(Unreachable, match="No scheduler answers"):
        asyncio.run(ask("http://127.0.0.1:1", KEY, GONE))


def test_it_reads_and_changes_what_the_other_does(server):
    async def story():
        async with AsyncSchedulerClient(server.url, KEY) as scheduler:
            job = await scheduler.submit(process="sleep")
            assert await scheduler.version() == "3.2.1"
            assert await scheduler.processes() == PROCESSES
            assert (await scheduler.process_doc("sleep")).startswith("Process 'sleep'")
            assert [each.uuid for each in await scheduler.jobs(limit=1)] == [job.uuid]
            assert await job.outputs() == tuple(server.outputs)
            assert (await job.cancel()).status == "REVOKED"
            assert (await job.refresh()).status == "REVOKED"
            assert (await scheduler.retry(job)).status == "PENDING"
            assert (await scheduler.job(job.uuid)).status == "PENDING"
            return await job.delete()

    assert asyncio.run(story())
    assert server.jobs == {}


def test_a_job_that_fails_is_an_error_unless_that_is_unwanted(server):
    server.plan = (state("FAILURE", error="ValueError: too round"),)

    async def story(*, check):
        async with AsyncSchedulerClient(server.url, KEY) as scheduler:
            return await (await scheduler.submit(process="sleep")).wait(check=check)

    with pytest.raises(JobFailed, match="ended as FAILURE: ValueError: too round"):
        asyncio.run(story(check=True))
    assert asyncio.run(story(check=False)).error == "ValueError: too round"
    server.plan = (state("FAILURE", error="Traceback\nImportError: nix\n", reason="ImportError: nix; install it"),)
    said = "ended as FAILURE: Traceback\nImportError: nix\nImportError: nix; install it$"
    with SchedulerClient(server.url, KEY) as scheduler, pytest.raises(JobFailed, match=said):
        scheduler.submit(process="sleep").wait()
