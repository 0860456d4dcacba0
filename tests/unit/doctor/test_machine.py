"""What doctor says of this machine and of the API's port."""

from pathlib import Path

import pytest

from pixyz_scheduler import __version__
from pixyz_scheduler.doctor import api, port, worker_port
from pixyz_scheduler.doctor.api import ApiFacts
from pixyz_scheduler.doctor.machine import MachineFacts, judge
from pixyz_scheduler.doctor.worker_port import WorkerPortFacts
from pixyz_scheduler.settings.settings import Settings

WELL = {"python": (3, 11, 7), "system": "Linux", "temp": Path("/tmp"), "free": 1 << 40, "memory": 8 << 30}


@pytest.mark.parametrize(
    ("facts", "settings", "what"),
    [
        ({}, {}, []),
        ({"python": (3, 10, 0)}, {}, []),
        ({"python": (3, 13, 9)}, {}, []),
        ({"python": (3, 9, 1)}, {}, [("python", "warning")]),
        ({"python": (3, 14, 0)}, {}, [("python", "warning")]),
        ({"free": 1}, {}, [("disk", "error")]),
        ({"free": 1}, {"min_free_space": 0}, []),
        ({"temp_trouble": "Read-only file system"}, {}, [("disk", "error")]),
        ({"forks": False}, {"isolation": "fork"}, [("isolation", "error")]),
        ({"forks": False}, {"isolation": "spawn"}, []),
        ({}, {"debug": True}, [("isolation", "warning")]),
        ({}, {"max_memory_usage": 2 << 20}, []),
        ({}, {"max_memory_usage_gpuhigh": 9 << 20}, [("isolation", "warning")]),
        ({"groups": False}, {"max_memory_usage": 2 << 20}, []),
        ({"memory": 0}, {"max_memory_usage": 9 << 20}, []),
    ],
)
def test_each_thing_that_is_wrong_with_the_machine_is_a_finding(facts, settings, what):
    findings = list(judge(MachineFacts(**{**WELL, **facts}), Settings(**settings)))
    assert [(each.check, each.level.value) for each in findings if each.level.value != "ok"] == what
    assert all(each.to_do for each in findings if each.level.value != "ok")


@pytest.mark.parametrize(("groups", "how"), [(True, "held by a memory group"), (False, "weighed by us")])
def test_how_memory_is_guarded_is_said(groups, how):
    findings = judge(MachineFacts(**{**WELL, "groups": groups}), Settings(max_memory_usage=1 << 20))
    assert [each for each in findings if how in each.what]


@pytest.mark.parametrize(
    ("facts", "levels", "told"),
    [
        (ApiFacts(), ["ok"], "port 8001 of 0.0.0.0 is free"),
        (ApiFacts("Address already in use"), ["error"], "Address already in use, and what is there is no API of ours"),
        (ApiFacts("Address already in use", __version__), ["ok", "ok"], f"the API: {__version__}, as this program"),
        (ApiFacts("Address already in use", "0.0.1"), ["ok", "warning"], "the API: 0.0.1"),
        (
            ApiFacts("Address already in use", __version__, {"share": "It is away."}),
            ["ok", "error", "ok"],
            "it is not ready, share: It is away.",
        ),
    ],
)
def test_who_is_on_the_port_is_said(facts, levels, told):
    findings = list(api.judge(facts, "0.0.0.0", 8001))
    assert [each.level.value for each in findings] == levels
    assert [each for each in findings if told in each.what]


@pytest.mark.parametrize(
    ("facts", "levels", "told"),
    [
        (WorkerPortFacts(), ["ok"], "9464 of 0.0.0.0 is free"),
        (WorkerPortFacts("Address already in use"), ["error"], "what is there is no worker of ours"),
        (WorkerPortFacts("Address already in use", {}), ["ok"], "a worker tells on METRICS_PORT 9464"),
        (WorkerPortFacts("Address already in use", {"share": "Away."}), ["ok", "error"], "takes no jobs, share: Away."),
    ],
)
def test_who_is_on_a_workers_port_is_said(facts, levels, told):
    findings = list(worker_port.judge(facts, "0.0.0.0", 9464))
    assert [each.level.value for each in findings] == levels
    assert told in findings[-1].what
    assert all(each.to_do for each in findings if each.level.value != "ok")


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://127.0.0.1:1"), ("::1", "http://[::1]:1"), ("h", "http://h:1")],
)
def test_who_listens_everywhere_is_asked_here(host, url):
    assert port.url(host, 1) == url
