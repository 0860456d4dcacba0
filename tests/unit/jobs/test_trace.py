"""TraceContext: what of W3C Trace Context is taken, and what is left aside."""

import pytest

from pixyz_scheduler.jobs.trace import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_parent_is_read_and_written_as_it_came():
    read = TraceContext.parse([GOOD], ["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"])
    assert read == TraceContext(TRACE, SPAN, 1, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
    assert read.parent_text == GOOD
    assert read.is_recorded
    assert read.to_environment() == {"TRACEPARENT": GOOD, "TRACESTATE": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}


def test_a_trace_that_is_not_recorded_says_so():
    read = TraceContext.parse([f"00-{TRACE}-{SPAN}-00"])
    assert not read.is_recorded
    assert read.to_environment() == {"TRACEPARENT": f"00-{TRACE}-{SPAN}-00"}


@pytest.mark.parametrize(
    "parents",
    [
        [],
        [""],
        [GOOD, GOOD],
        [GOOD.upper()],
        [f"ff-{TRACE}-{SPAN}-01"],
        [f"00-{'0' * 32}-{SPAN}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE}-{SPAN}"],
        [f"00-{TRACE}-{SPAN}-1"],
        [f"{GOOD}-more"],
        [f"0-{TRACE}-{SPAN}-01"],
        [f"00-{TRACE[:-1]}-{SPAN}-01"],
        [f"01-{TRACE}-{SPAN}-01more"],
        ["00-\u0661" + TRACE[1:] + f"-{SPAN}-01"],
    ],
)
def test_a_bad_parent_is_none(parents):
    assert TraceContext.parse(parents, ["a=b"]) is None


@pytest.mark.parametrize("text", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-may-come"])
def test_a_later_version_is_read_as_far_as_this_one_goes(text):
    assert TraceContext.parse([text]) == TraceContext(TRACE, SPAN, 1)


def test_flags_that_nobody_knows_are_not_passed_on():
    assert TraceContext.parse([f"00-{TRACE}-{SPAN}-ff"]).parent_text.endswith("-03")


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["a=1", "b=2"], "a=1,b=2"),
        ([" a=1 ,, tenant@system=x y "], "a=1,tenant@system=x y"),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a"], ""),
        (["a=1=2"], ""),
        ([",".join(f"k{number}=1" for number in range(33))], ""),
        (["a=" + "x" * 255 + ",b=" + "x" * 255 + ",c=1"], ""),
    ],
)
def test_a_state_that_is_no_list_is_left_aside_and_the_parent_stays(states, kept):
    assert TraceContext.parse([GOOD], states) == TraceContext(TRACE, SPAN, 1, kept)
