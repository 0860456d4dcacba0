"""What doctor says of workers, their versions and clocks, and of queues."""

from dataclasses import replace

import pytest

from pixyz_scheduler import __version__
from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.broker.overview import Line
from pixyz_scheduler.doctor.farm import judge, judge_shares, versions

NOW, LEASE = 1000.0, 7.0
QUEUES = ("cpu", "gpu", "gpuhigh", "zip")
WORKER = Worker("a", QUEUES, slots=2, host="h", pid=1, version=__version__, started=1.0, clock=NOW - 1)


def line(queue, *, waiting=0, delayed=0):
    return Line(queue, waiting=waiting, delayed=delayed, parked=0, running=0, listeners=0, oldest=None)


def found(*workers, lines=()):
    return list(judge(workers, lines, now=NOW, lease=LEASE))


def bad(findings):
    return [(each.check, each.level.value) for each in findings if each.level.value != "ok"]


def test_a_good_farm_is_ok_in_all():
    findings = found(WORKER, replace(WORKER, name="b"), lines=[line("cpu", waiting=3)])
    assert bad(findings) == []
    assert [each.what for each in findings] == [
        "2 live on 1 host, 4 slots",
        f"all 2 workers: {__version__}, as this program",
        "listened to: cpu, gpu, gpuhigh, zip",
    ]


@pytest.mark.parametrize(
    ("workers", "lines", "what"),
    [
        ([], [], [("workers", "warning")]),
        ([], [line("cpu", waiting=1)], [("workers", "warning"), ("queues", "error")]),
        ([replace(WORKER, trouble="The share is away.")], [], [("workers", "error")]),
        ([replace(WORKER, draining=True)], [], []),
        ([replace(WORKER, version="0.0.1")], [], [("versions", "warning")]),
        ([replace(WORKER, clock=0.0)], [], []),
        ([replace(WORKER, clock=NOW - LEASE)], [], []),
        ([replace(WORKER, clock=NOW - 60)], [], [("clock", "warning")]),
        ([replace(WORKER, clock=NOW + 60)], [], [("clock", "warning")]),
        ([WORKER], [line("wine", waiting=1)], [("queues", "error")]),
        ([WORKER], [line("wine", delayed=1)], [("queues", "error")]),
        ([WORKER], [line("wine")], []),
        ([replace(WORKER, queues=("cpu", "zip"))], [], [("queues", "warning")]),
        ([replace(WORKER, queues=("wine",))], [], [("queues", "warning"), ("queues", "warning")]),
        ([replace(WORKER, queues=("_odd", *QUEUES))], [], []),
        ([replace(WORKER, queues=("cpu", "zip"))], [line("gpuhigh", waiting=1)], [("queues", "error")]),
    ],
)
def test_each_thing_that_is_wrong_is_a_finding_with_what_to_do(workers, lines, what):
    findings = found(*workers, lines=lines)
    assert bad(findings) == what
    assert all(each.to_do for each in findings if each.level.value != "ok")


def test_a_queue_for_second_tries_that_nobody_hears_is_said_as_such():
    (warned,) = [
        each for each in found(replace(WORKER, queues=("cpu", "zip"))) if each.check == "queues" and each.to_do
    ]
    assert warned.what == "no worker listens to gpuhigh: jobs that crash are tried once more there"


def test_of_many_strange_versions_some_are_named():
    (finding,) = versions({f"worker {number}": "0.0.1" for number in range(8)} | {"worker x": __version__})
    assert finding.what.endswith("worker 4: 0.0.1, and 3 more")
    assert finding.what.startswith(f"this program is {__version__}; worker 0: 0.0.1")


@pytest.mark.parametrize(
    ("shares", "known", "levels", "told"),
    [
        (["a", "a"], "a", ["ok"], "the same one is seen by 2 workers, on 1 host"),
        (["a", ""], "a", ["ok"], "by 1 worker, on 1 host"),
        (["", ""], "a", [], ""),
        (["a", "b"], "a", ["error"], "the share of worker w1 is another one (id b, expected is a)"),
        (["no id"], "a", ["error"], "where none is mounted"),
        (["away"], "a", ["error"], "is away"),
        (["silent"], "a", ["error"], "its mount hangs"),
        (["a"], None, ["ok"], "the same one"),
    ],
)
def test_which_share_each_worker_sees_is_compared_with_the_stores(shares, known, levels, told):
    workers = [replace(WORKER, name=f"w{number}", share=share) for number, share in enumerate(shares)]
    findings = list(judge_shares(workers, known))
    assert [each.level.value for each in findings] == levels
    assert [told in each.what for each in findings] == [True] * len(levels)


def test_a_worker_says_its_clock_and_an_old_one_does_not():
    assert Worker.from_wire("a", WORKER.to_wire()) == WORKER
    old = {name: value for name, value in WORKER.to_wire().items() if name != "clock"}
    assert Worker.from_wire("a", old) == replace(WORKER, clock=0.0)
