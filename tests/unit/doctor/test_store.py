"""What doctor says of a store, by what the store says of itself."""

import pytest

from pixyz_scheduler.broker.store_facts import StoreFacts
from pixyz_scheduler.doctor.store import Place, away, judge
from pixyz_scheduler.settings.settings import Settings

GIB = 1 << 30
WELL = {
    "server": "valkey",
    "version": (9, 0, 1),
    "durability": "relaxed",
    "databases": 16,
    "machine": 8 * GIB,
    "used": GIB,
}


def found(place=None, **facts):
    return list(judge(StoreFacts(**{**WELL, **facts}), place or Place("h:6379")))


def bad(findings):
    return [(each.check, each.level.value) for each in findings if each.level.value != "ok"]


def test_a_good_store_is_ok_in_all():
    findings = found()
    assert bad(findings) == []
    assert [each.check for each in findings] == ["store", "memory", "durability", "clock"]
    assert findings[0].what == "valkey 9.0.1 answers at h:6379"


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"version": (6, 2, 1)}, [("store", "error")]),
        ({"version": (7, 0, 0)}, []),
        ({"version": ()}, []),
        ({"role": "slave"}, [("store", "error")]),
        ({"policy": "allkeys-lru"}, [("memory", "warning")]),
        ({"policy": "allkeys-lru", "limit": 4 * GIB}, [("memory", "error")]),
        ({"limit": GIB + GIB // 4}, [("memory", "warning")]),
        ({"limit": GIB}, [("memory", "error")]),
        ({"limit": 4 * GIB}, []),
        ({"machine": GIB + 1}, [("memory", "error")]),
        ({"machine": 0}, []),
        ({"durability": "strict"}, []),
        ({"durability": "none"}, [("durability", "warning")]),
        ({"durability": "unknown"}, [("durability", "warning")]),
        ({"problems": ("Redis could not write its append-only file: look at its disk.",)}, [("durability", "error")]),
        ({"ahead": 1.9}, []),
        ({"ahead": 3.0}, [("clock", "warning")]),
        ({"ahead": -3.0}, [("clock", "warning")]),
        ({"databases": None}, []),
    ],
)
def test_each_thing_that_is_wrong_is_a_finding_with_what_to_do(facts, what):
    findings = found(**facts)
    assert bad(findings) == what
    assert all(each.to_do for each in findings if each.level.value != "ok")


def test_the_clock_says_which_is_behind():
    assert found(ahead=60.0)[-1].what == "this machine's clock is 60 s behind the store's"
    assert found(ahead=-60.0)[-1].what == "this machine's clock is 60 s ahead of the store's"


@pytest.mark.parametrize(
    ("queues", "results", "level"),
    [(0, 0, []), (1, 10, []), (1, 16, [("store", "error")]), (16, 0, [("store", "error")])],
)
def test_both_databases_must_be_there(queues, results, level):
    assert bad(found(Place("h:6379", queues=queues, results=results))) == level


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({}, Place("127.0.0.1:6379", is_configured=False)),
        ({"REDIS_DATABASE": "2"}, Place("127.0.0.1:6379", queues=2, results=20)),
        (
            {"REDIS_MASTER_SERVICE_HOST": "h", "REDIS_PASSWORD": "hunter2"},
            Place("h:6379", is_near=False, is_locked=True),
        ),
        ({"REDIS_MASTER_SERVICE_HOST": "::1"}, Place("[::1]:6379")),
        (
            {"CELERY_BROKER_URL": "rediss://u:hunter2@h:1/3"},
            Place("h:1", is_near=False, is_locked=True, queues=3, results=30),
        ),
        (
            {"CELERY_BROKER_URL": "redis+socket:///run/a.sock?virtual_host=1"},
            Place("/run/a.sock", queues=1, results=10),
        ),
    ],
)
def test_where_it_is_is_shown_without_its_password(tmp_path, environ, place):
    (tmp_path / "pixyz-scheduler.conf").touch()
    assert Place.of(Settings.load(environ, tmp_path)) == place


@pytest.mark.parametrize(
    ("near", "locked", "level"),
    [(True, False, []), (False, True, []), (True, True, []), (False, False, [("store", "warning")])],
)
def test_a_store_of_another_machine_without_a_password_is_a_warning(near, locked, level):
    assert bad(found(Place("h:6379", is_near=near, is_locked=locked))) == level


@pytest.mark.parametrize(
    ("trouble", "do"),
    [
        ("Redis does not let us in: WRONGPASS", "REDIS_PASSWORD"),
        ("Redis refuses to write: LOADING", "log"),
        ("Redis does not answer: Error 111 connecting to h:6379.", "REDIS_MASTER_SERVICE_HOST"),
    ],
)
def test_one_that_is_away_is_an_error_that_names_the_setting(trouble, do):
    finding = away(Place("h:6379"), trouble)
    assert (finding.check, finding.level.value, finding.what) == ("store", "error", f"h:6379: {trouble}")
    assert do in finding.to_do
