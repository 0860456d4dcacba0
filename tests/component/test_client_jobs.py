"""SchedulerClient against real HTTP: what it sends, what it makes of the answers."""

import json

import pytest

from pixyz_scheduler.client import JobState, SchedulerClient, UnexpectedAnswer, Unreachable
from pixyz_scheduler.errors import AccessDenied, BadInput, Conflict, InvalidJobId, InvalidParams, NotFound
from tests.fakes.scheduler_api import KEY, PROCESSES, FakeScheduler, fake_scheduler, state

GONE = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def client(server):
    with SchedulerClient(server.url, KEY) as scheduler:
        yield scheduler


def test_it_reads_what_the_server_offers(client):
    assert client.version() == "3.2.1"
    assert client.processes() == PROCESSES
    assert client.process_doc("sleep").startswith("Process 'sleep' documentation:")


def test_a_job_is_sent_and_read_back(client, server, tmp_path):
    script = tmp_path / "größe.py"
    script.write_text("def main(pc, params): ...")
    job = client.submit(script=script, params={"a": None}, name="ü", queue="gpu", priority=3, root_file=None)
    assert (job.status, job.name, job.ended) == ("SENT", "ü", False)
    sent = server.submitted()
    assert sent.files == {"script": ("größe.py", b"def main(pc, params): ...")}
    assert json.loads(sent.form["config"]) == {"queue": "gpu", "priority": 3}
    assert json.loads(sent.form["params"]) == {"a": None}


def test_details_hold_steps_times_and_result(client, server):
    job = server.job((state("SUCCESS", 100, done=["Importing"], result={"n": 1}, retry=1),), name="wheel")
    details = client.details(job.uuid)
    assert (details.uuid, details.name, details.progress, details.retry) == (job.uuid, "wheel", 100, 1)
    assert [(step.info, step.duration, step.running) for step in details.steps] == [("Importing", 0.1, False)]
    assert details.time_info.stopped == "2026-01-01T10:00:01.300000+00:00"
    assert details.result == {"n": 1}
    assert details.step == "Importing"
    assert details.succeeded


def test_a_field_of_a_newer_server_is_kept_and_no_error(client, server):
    assert client.details(server.job().uuid).raw["mood"] == "fine"


def test_a_job_is_given_by_its_state_too(client, server):
    job = client.submit(process="sleep")
    assert client.status(job).uuid == job.uuid
    assert client.outputs(job) == tuple(server.outputs)


def test_jobs_are_listed_newest_first(client, server):
    server.job(name="old")
    server.job(name="new")
    assert [job.name for job in client.jobs()] == ["new", "old"]
    assert [job.name for job in client.jobs(limit=1)] == ["new"]


@pytest.mark.parametrize(("limit", "pages"), [(3, 1), (4, 2), (7, 3), (100, 3)])
def test_a_long_listing_comes_in_pages(client, server, limit, pages):
    server.page = 3
    names = [server.job(name=str(number)).name for number in range(8)]
    assert [job.name for job in client.jobs(limit=limit)] == names[::-1][:limit]
    assert len(server.requests) == pages


def test_no_page_is_larger_than_the_server_allows(client, server):
    client.jobs(limit=5000)
    assert server.requests[-1][1] == "/jobs?limit=1000"


def test_a_server_that_knows_no_limit_is_cut_here(client, server):
    rows = [{"uuid": GONE, "status": "PENDING"}] * 5
    server.faults.append(("/jobs", json.dumps({"jobs": rows}).encode()))
    assert len(client.jobs(limit=2)) == 2


def test_a_cancelled_job_is_revoked_and_an_ended_one_is_a_conflict(client, server):
    assert client.cancel(server.job().uuid).status == "REVOKED"
    with pytest.raises(Conflict, match="has ended already: SUCCESS"):
        client.cancel(server.job((state("SUCCESS"),)).uuid)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda client: client.status(GONE), NotFound, f"No job has the id {GONE}"),
        (lambda client: client.status("x"), InvalidJobId, "'x' is not a job's id"),
        (lambda client: client.status("../.."), InvalidJobId, "is not a job's id"),
        (lambda client: client.process_doc("fly"), BadInput, "No process is named fly"),
        (lambda client: client.process_doc(".."), BadInput, "Give the name of a process"),
        (lambda client: client.submit(), BadInput, "give one of the two"),
        (lambda client: client.submit(script="a", process="b"), BadInput, "give one of the two"),
        (lambda client: client.submit(script="gone.py"), BadInput, "No file is at gone.py"),
        (lambda client: client.submit(process="sleep", file="."), BadInput, "No file is at ."),
        (lambda client: client.submit(process="sleep", params={"a": {1}}), InvalidParams, "`params` cannot be written"),
        (
            lambda client: client.submit(process="sleep", params={"a": float("nan")}),
            InvalidParams,
            "`params` cannot be",
        ),
        (lambda client: client.submit(process="sleep", time_limit=float("inf")), InvalidParams, "`config` cannot be"),
        (lambda client: client.download(GONE, "../x", "x"), BadInput, "'../x' is not the path of an output"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(client, call, kind, text):
    with pytest.raises(kind, match=text):
        call(client)


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_a_wrong_key_is_access_denied(server, token):
    with SchedulerClient(server.url, token) as client, pytest.raises(AccessDenied, match="refuses the key"):
        client.jobs()


def test_the_key_may_come_with_a_line_end_from_its_file(server):
    with SchedulerClient(server.url, f" {KEY}\n") as client:
        assert client.jobs() == ()


def test_the_url_may_lack_its_scheme_and_end_in_a_slash(server):
    with SchedulerClient(f"127.0.0.1:{server.server_port}/", KEY) as client:
        assert client.processes() == PROCESSES


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with SchedulerClient(server.url, KEY) as client:
        assert client.processes() == PROCESSES


def test_a_silent_server_is_unreachable():
    # Connections are taken by the kernel, and nobody answers: the listening socket of a server that is not served.
    reason = pytest.raises(Unreachable, match=r"did not answer within 0.2 s")
    with FakeScheduler() as silent, SchedulerClient(silent.url, KEY, timeout=0.2) as client, reason:
        client.jobs()


def test_what_is_no_scheduler_is_an_unexpected_answer(client, server):
    server.faults.append(("/jobs", b"<html>"))
    with pytest.raises(UnexpectedAnswer, match="not a scheduler's"):
        client.jobs()


def test_a_state_is_a_value():
    assert JobState(uuid=GONE, status="SENT") == JobState(uuid=GONE, status="SENT", raw={"any": 1})


@pytest.fixture
def patient(server):
    """A client whose clock moves only while it sleeps."""
    now = [0.0]
    with SchedulerClient(
        server.url, KEY, clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s)
    ) as client:
        yield client


@pytest.mark.parametrize(
    "faults",
    [
        ["done, then drop"],
        ["drop", "drop"],
        ["done, then drop", 409, "drop", 503, 409],
        ["drop", 409],
    ],
)
def test_a_submission_whose_connection_breaks_is_sent_again_and_makes_one_job(patient, server, faults):
    server.faults += [(r"^/jobs$", fault) for fault in faults]
    job = patient.submit(process="sleep")
    assert list(server.jobs) == [job.uuid]
    keys = {headers["Idempotency-Key"] for _, _, headers in server.requests}
    assert (len(keys), len(server.requests)) == (1, len(faults) + 1)


def test_each_submission_has_a_key_of_its_own(client, server):
    assert client.submit(process="sleep") != client.submit(process="sleep")
    assert len({headers["Idempotency-Key"] for _, _, headers in server.requests}) == 2


def test_with_a_key_of_its_own_a_script_may_ask_as_often_as_it_likes(client, server):
    first = client.submit(process="sleep", idempotency_key='night"1"\\')
    assert client.submit(process="sleep", idempotency_key='night"1"\\').uuid == first.uuid
    assert server.requests[0][2]["Idempotency-Key"] == r'"night\"1\"\\"'


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\n"])
def test_what_is_no_key_is_said_before_anything_is_sent(client, server, key):
    with pytest.raises(BadInput, match="1 to 255 visible"):
        client.submit(process="sleep", idempotency_key=key)
    assert server.requests == []


def test_a_connection_that_breaks_again_and_again_is_given_up_in_words(patient, server):
    server.faults += [(r"^/jobs$", "drop")] * 100
    with pytest.raises(Unreachable, match="broke"):
        patient.submit(process="sleep")
    assert 40 < len(server.requests) < 50


def test_what_is_refused_is_not_sent_again(patient, server):
    server.faults += [(r"^/jobs$", 409)]
    with pytest.raises(Conflict):
        patient.submit(process="sleep")
    assert len(server.requests) == 1


def test_only_a_submission_is_sent_again(patient, server):
    job = patient.submit(process="sleep")
    server.faults += [("/cancel", "drop")]
    with pytest.raises(Unreachable):
        patient.cancel(job)


def test_several_files_go_in_one_request_and_how_far_they_are_is_told(client, server, tmp_path):
    for name, size in (("a.step", 100_000), ("b.step", 50_000)):
        (tmp_path / name).write_bytes(bytes(size))
    told = []
    files = [tmp_path / "a.step", tmp_path / "b.step"]
    client.submit(process="sleep", file=files, input_job=GONE, on_bytes=lambda *each: told.append(each))
    assert told == sorted(told)
    assert told[-1] == (150_000, 150_000)
    assert json.loads(server.submitted().form["config"]) == {"input_job": GONE}
    assert int(server.requests[-1][2]["Content-Length"]) > 150_000
