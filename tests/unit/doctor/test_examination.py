"""Checks at once: one that fails or hangs hides no other."""

import threading

from pixyz_scheduler.doctor.examination import Check, examine
from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.findings import ok


def fails_midway():
    yield ok("b", "seen first")
    raise ValueError("bang")


def is_away():
    raise Unavailable("The share is away.")


def test_a_check_that_fails_is_told_and_the_others_with_it():
    checks = [
        Check("a", lambda: [ok("a", "well")]),
        Check("b", fails_midway),
        Check("c", is_away),
        Check("d", lambda: [ok("d", "well")]),
    ]
    found = [(each.check, each.level.value, each.what) for each in examine(checks)]
    assert found == [
        ("a", "ok", "well"),
        ("b", "ok", "seen first"),
        ("b", "error", "the check itself failed: ValueError: bang"),
        ("c", "error", "The share is away."),
        ("d", "ok", "well"),
    ]


def test_a_check_that_hangs_is_told_and_the_others_with_it():
    never = threading.Event()

    def hangs():
        yield ok("a", "seen first")
        never.wait()

    found = list(examine([Check("a", hangs, patience=0.05), Check("b", lambda: [ok("b", "well")])]))
    never.set()
    assert [(each.check, each.level.value) for each in found] == [("a", "ok"), ("a", "error"), ("b", "ok")]
    assert found[1].what == "this was not found out within 0.05 s"


def test_all_begin_at_once():
    both = threading.Barrier(2, timeout=60)

    def meets():
        both.wait()
        yield ok("a", "met")

    assert [each.what for each in examine([Check("a", meets), Check("b", meets)])] == ["met", "met"]


def test_what_a_hanging_check_says_later_is_not_waited_for():
    let_go = threading.Event()
    checks = [Check("a", lambda: [ok("a", "late")] if let_go.wait() else [], patience=0.0)]
    (finding,) = examine(checks)
    let_go.set()
    assert finding.level.value == "error"
