"""Following a job: by asking, by events, through a server that goes away."""

import pytest

from pixyz_scheduler.client import SchedulerClient, StillWorking, Unreachable
from pixyz_scheduler.errors import NotFound, Unavailable
from tests.fakes.scheduler_api import KEY, fake_scheduler, state

GONE = "123e4567-e89b-12d3-a456-426614174000"


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def client(server, time):
    with SchedulerClient(server.url, KEY, clock=time.clock, sleep=time.sleep) as scheduler:
        yield scheduler


@pytest.mark.parametrize("events", [0, 100], ids=["asking", "events"])
def test_each_change_is_told_once_and_the_end_is_the_answer(client, server, events):
    server.events = events
    seen = []
    done = client.wait(server.job().uuid, on_change=lambda job: seen.append((job.status, job.progress, job.step)))
    assert done.result == {"output": "result.glb"}
    told = [("PENDING", None, None), ("RUNNING", 0, "Importing"), ("RUNNING", 50, "Exporting")]
    assert seen == [*told, ("SUCCESS", 100, "Exporting")]


def test_events_spare_the_pauses(client, server, time):
    server.events = 100
    client.wait(server.job().uuid)
    assert time.pauses == []


def test_a_stream_of_events_that_ends_is_taken_up_where_it_ended(client, server, time):
    server.events = 2
    server.plan = (*(state("RUNNING", percent) for percent in range(10)), state("SUCCESS", 100))
    seen = [job.progress for job in client.watch(server.job().uuid)]
    assert seen == [*range(10), 100]
    streams = [headers for _, path, headers in server.requests if path.endswith("/events")]
    # A stream may end before its first event is heard: then it is taken up from the start once more.
    taken_up = [headers.get("last-event-id") for headers in streams]
    assert taken_up[0] is None
    assert "1" in taken_up
    assert set(time.pauses) == {1.0}


def test_asking_slows_down_while_nothing_changes_and_hurries_after_a_change(client, server, time):
    quiet = [state("PENDING")] * 12
    server.plan = (*quiet, state("RUNNING"), state("SUCCESS"))
    client.wait(server.job().uuid)
    assert time.pauses[0] == pytest.approx(0.05)
    assert max(time.pauses) == 1.0
    assert time.pauses[-1] < 0.1


def test_a_job_that_has_ended_needs_no_watching(client, server, time):
    job = server.job((state("REVOKED"),))
    assert client.wait(job.uuid).status == "REVOKED"
    assert len(server.requests) == 1
    assert time.pauses == []


def test_a_wait_is_over_after_its_timeout(client, server, time):
    server.plan = (state("PENDING"),)
    with pytest.raises(StillWorking, match="is still PENDING after 3 s") as caught:
        client.wait(server.job().uuid, timeout=3)
    assert caught.value.status == "PENDING"
    assert time.now == pytest.approx(3)


def test_a_server_that_comes_back_in_time_is_no_error(client, server):
    job = server.job()
    watch = client.watch(job.uuid)
    assert next(watch).status == "PENDING"
    server.faults += [("/details", 503), ("/details", "drop"), ("/details", "cut"), ("/details", 502)]
    assert [each.status for each in watch][-1] == "SUCCESS"
    assert server.faults == []


def test_a_server_that_stays_away_is_an_error_after_our_patience(client, server, time):
    watch = client.watch(server.job().uuid, patience=5)
    next(watch)
    server.faults += [("/details", 503)] * 50
    with pytest.raises(Unavailable, match="The store does not answer"):
        next(watch)
    assert 5 <= time.now < 7


def test_a_server_that_is_not_there_at_first_is_asked_again_and_that_is_told_once(client, server):
    server.faults += [("/details", 503), ("/details", "drop"), ("/details", 503)]
    told = []
    assert client.wait(server.job().uuid, on_away=told.append).succeeded
    assert [str(reason) for reason in told] == ["The store does not answer."]
    assert server.faults == []


def test_nobody_there_is_an_error_after_our_patience(time):
    nobody = SchedulerClient("http://127.0.0.1:1", KEY, clock=time.clock, sleep=time.sleep)
    with nobody, pytest.raises(Unreachable, match="No scheduler answers"):
        nobody.wait(GONE, patience=7)
    assert 7 <= time.now < 9


def test_an_unknown_job_is_not_waited_for(client, time):
    with pytest.raises(NotFound):
        client.wait(GONE)
    assert time.pauses == []
