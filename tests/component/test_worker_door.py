"""A worker's port: real sockets; what lives and what is ready is asked of real parts."""

import json
import socket
import threading
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as text_to_families

from pixyz_scheduler.broker.farm import Announcer, Farm, Worker
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import SettingsError, StorageFull, StoreUnavailable, WrongShare
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.surroundings import Surroundings
from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.door import Door, Page
from pixyz_scheduler.worker.doorbells import Doorbells
from pixyz_scheduler.worker.drain import Drain
from pixyz_scheduler.worker.figures import Figures
from pixyz_scheduler.worker.lease_keeper import LeaseKeeper
from pixyz_scheduler.worker.vitals import Vitals, hindrances_of

ME = Worker(name="host-1-abc", queues=("cpu", "gpu"), slots=3, host="host", pid=1, version="1.2.3", started=0.0)


HEARD = {"is_heard": lambda: True, "find": dict}


def fine():
    pass


def raising(error):
    def check():
        raise error

    return check


@pytest.fixture
def ask():
    """Opens a door with these pages and asks it once."""

    def at(path, pages, method="GET"):
        with Door("127.0.0.1", 0, pages) as door:
            return httpx.request(method, f"http://127.0.0.1:{door.port}{path}", trust_env=False)

    return at


class Leaves:
    """What a drain tells."""

    def leave(self):
        pass

    def stop_all(self, reason):
        pass


def drain_of():
    return Drain(Leaves(), timeout=60.0, stopping=threading.Event())


def test_a_page_is_answered_and_its_head_alone_where_that_is_asked(ask):
    pages = {"/health/live": lambda: Page.of_health({})}
    answer, head = ask("/health/live?verbose", pages), ask("/health/live", pages, "HEAD")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "problems": {}})
    assert (head.status_code, head.content) == (200, b"")
    assert "Python" not in answer.headers["server"]


def test_what_is_wrong_is_told_with_503(ask):
    answer = ask("/health/ready", {"/health/ready": lambda: Page.of_health({"share": "gone"})})
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "problems": {"share": "gone"}})


def test_another_path_is_told_which_there_are(ask):
    answer = ask("/", {"/metrics": fine, "/health/live": fine})
    assert (answer.status_code, answer.text) == (404, "There are: /health/live, /metrics.\n")


def test_a_page_that_breaks_is_a_500_without_its_reason(ask, caplog):
    answer = ask("/metrics", {"/metrics": raising(ValueError("a secret"))})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "a secret" in caplog.text


def test_nothing_is_changed_by_who_asks(ask):
    assert ask("/metrics", {"/metrics": fine}, "POST").status_code == 501


def test_a_taken_port_is_said_with_the_setting_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(SettingsError, match=f"METRICS_PORT is {port}: .*a port of its own"),
            Door("127.0.0.1", port, {}),
        ):
            pass


def test_a_port_is_free_again_for_the_next_worker_at_once():
    with Door("127.0.0.1", 0, {"/": lambda: Page.of_health({})}) as first:
        port = first.port
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    with Door("127.0.0.1", port, {"/": lambda: Page.of_health({})}):
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).is_success


def test_callers_who_say_nothing_are_no_more_than_so_many_threads():
    before = threading.active_count()
    with Door("127.0.0.1", 0, {"/": lambda: Page.of_health({})}) as door:
        silent = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(16)]
        while threading.active_count() < before + 1 + len(silent):
            time.sleep(0.005)
        with socket.create_connection(("127.0.0.1", door.port)) as one_too_many:
            assert one_too_many.recv(1) == b""
        silent.pop().close()
        while not _answers(door.port):
            time.sleep(0.005)
        for caller in silent:
            caller.close()


def _answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_a_worker_that_starts_lives_and_is_not_ready():
    vitals = Vitals(ME)
    assert vitals.faults() == {}
    assert vitals.hindrances() == {"worker": "It has not started yet."}


def test_a_worker_lives_while_its_parts_do_and_ends_them_in_peace(client):
    keeper = LeaseKeeper(RecordStore(client))
    bells = Doorbells(client, client, ME, answer=lambda *_, **__: None, is_wanted=lambda: False)
    vitals = Vitals(ME)
    with keeper, vitals.watching(lambda: ME, organs={"lease keeper": keeper, "listener": bells}, **HEARD), bells:
        alive = vitals.faults(), vitals.hindrances()
    assert alive == ({}, {})
    assert vitals.faults() == {}
    assert vitals.hindrances() == {"worker": "It has ended."}


def test_a_worker_whose_lease_keeper_has_died_does_not_live(client):
    keeper = LeaseKeeper(RecordStore(client))
    vitals = Vitals(ME)
    # As it is when its thread has ended: none runs.
    with vitals.watching(lambda: ME, organs={"lease keeper": keeper}, **HEARD):
        dead = vitals.faults(), vitals.hindrances()
    told = {"worker": "Ended is: lease keeper. This worker must be started again."}
    assert dead == (told, told)


class Broken:
    """A client that raises what no client should."""

    def client_id(self):
        raise MemoryError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_listener_has_died_does_not_live_and_can_end(client):
    with Doorbells(Broken(), client, ME, answer=lambda *_, **__: None, is_wanted=lambda: True) as bells:
        while bells.goes_on:
            time.sleep(0.005)


def test_a_worker_is_ready_when_the_store_hears_it_and_the_share_is_right(client):
    vitals = Vitals(ME)
    find = hindrances_of(drain_of(), Activity(), check=fine)
    with (
        Announcer(Farm(RecordStore(client)), lambda: ME, each=0.01) as announcer,
        vitals.watching(lambda: ME, organs={}, is_heard=lambda: announcer.is_heard, find=find),
    ):
        while vitals.hindrances():
            time.sleep(0.005)


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (raising(WrongShare("not ours")), {"share": "not ours"}),
        (raising(OSError("stale")), {"share": "stale"}),
        (raising(StorageFull("1 MiB free")), {"space": "1 MiB free"}),
        (raising(StoreUnavailable("Redis at 10.0.0.1")), {"store": "The store does not answer."}),
    ],
)
def test_what_keeps_a_worker_from_taking_jobs_is_told_by_its_part(check, told):
    assert hindrances_of(drain_of(), Activity(), check=check)() == told


def test_a_share_that_hangs_is_told_and_does_not_hang_the_door():
    gate = threading.Event()
    find = hindrances_of(drain_of(), Activity(), check=gate.wait)
    assert find() == {"share": "It does not answer."}
    gate.set()


def test_a_store_that_does_not_hear_a_worker_that_leaves_are_two_things_to_tell():
    drain, vitals = drain_of(), Vitals(ME)
    drain.leaving.set()
    find = hindrances_of(drain, Activity(), check=fine)
    with vitals.watching(lambda: ME, organs={}, is_heard=lambda: False, find=find):
        told = vitals.hindrances()
    assert told == {"worker": "It is leaving.", "store": "The store does not answer."}


def test_a_worker_that_has_done_its_last_job_takes_no_more():
    activity = Activity(most=1)
    with activity.answering() as doorbell:
        doorbell.take()
    told = hindrances_of(drain_of(), activity, check=fine)()
    assert "MAX_TASKS_BEFORE_SHUTDOWN" in told["worker"]


def figures(vitals, activity, surroundings):
    """By name and labels."""
    text = Figures(vitals, activity, surroundings).page().body.decode()
    return {sample.name: sample.value for family in text_to_families(text) for sample in family.samples}


def test_a_worker_tells_prometheus_of_itself_and_of_what_it_sees(client, tmp_path):
    surroundings = Surroundings(Share(tmp_path), KnownShare(client))
    vitals, activity = Vitals(ME), Activity()
    with activity.answering():
        pass
    starting = figures(vitals, activity, surroundings)
    with vitals.watching(lambda: ME, organs={}, **HEARD):
        told = figures(vitals, activity, surroundings)
    assert (starting["pixyz_worker_ready"], "pixyz_store_up" in starting) == (0, False)
    assert (
        told.items()
        >= {
            "pixyz_worker_info": 1,
            "pixyz_worker_slots": 3,
            "pixyz_worker_slots_busy": 0,
            "pixyz_worker_attempts_total": 1,
            "pixyz_worker_ready": 1,
            "pixyz_worker_draining": 0,
            "pixyz_store_up": 1,
            "pixyz_share_up": 1,
        }.items()
    )
    assert 0 < told["pixyz_share_free_bytes"] <= told["pixyz_share_size_bytes"]
    assert told["process_resident_memory_bytes"] > 0


def test_health_is_json():
    assert json.loads(Page.of_health({"a": "b"}).body)["problems"] == {"a": "b"}
