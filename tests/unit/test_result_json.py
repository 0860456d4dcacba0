"""What a script may return, and how what it may not return is refused."""

import enum
import json
import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixyz_scheduler.script.result import ResultError, to_json


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Part:
    name: str
    at: tuple[float, float]


class Model(pydantic.BaseModel):
    name: str
    path: Path


Pair = namedtuple("Pair", "a b")  # noqa: PYI024  (this is how old scripts write it)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        ("é🙂", "é🙂"),
        ((1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        (Pair(1, 2), [1, 2]),
        ({1: "a", 2.5: "b", None: "c", False: "d"}, {"1": "a", "2.5": "b", "null": "c", "false": "d"}),
        ({Colour.RED: 1, Path("a"): 2}, {"red": 1, "a": 2}),
        (Path("a/b.glb"), "a/b.glb"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc), "2026-01-02T03:04:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(minutes=1), 60.0),
        (Decimal("1.50"), 1.5),
        (Decimal(12345678901234567890), 12345678901234567890),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Part("bolt", (0.0, 1.0)), {"name": "bolt", "at": [0.0, 1.0]}),
        (Model(name="a", path=Path("b")), {"name": "a", "path": "b"}),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),  # noqa: FBT003
        (np.str_("a"), "a"),
        (np.float64(2.5), 2.5),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.datetime64("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456789"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.array(["2026-01-02", "2026-01-03"], dtype="datetime64[D]"), ["2026-01-02", "2026-01-03"]),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.array([1, 2], dtype="timedelta64[m]"), [60.0, 120.0]),
    ],
    ids=repr,
)
def test_a_value_becomes_json(value, expected):
    converted = to_json(value)
    assert converted == expected
    assert json.loads(json.dumps(converted, allow_nan=False)) == expected
    assert type(converted) in {dict, list, str, int, float, bool, type(None)}


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        (b"x", "result", "of type bytes"),
        ({"a": [1, 2, 3, bytearray(b"x")]}, 'result["a"][3]', "of type bytearray"),
        ({"a": {"b": object()}}, 'result["a"]["b"]', "of type object"),
        ([print], "result[0]", "of type builtin_function_or_method"),
        ({1, 2}, "result", "use sorted(...) or list(...)"),
        (math.nan, "result", "nan"),
        ([math.inf], "result[0]", "inf"),
        (Decimal("NaN"), "result", "nan"),
        (Decimal("sNaN"), "result", "nan"),
        (Decimal("1e999999"), "result", "inf"),
        (np.float64("nan"), "result", "nan"),
        (np.array([1.0, math.nan]), "result[1]", "nan"),
        (np.zeros(200_000), "result", "array of 200000 elements"),
        (np.datetime64("NaT"), "result", "NaT"),
        ({"at": np.array(["NaT"], dtype="datetime64[s]")}, 'result["at"]', "NaT"),
        (np.array([object()]), "result[0]", "of type object"),
        (Model, "result", "is of type"),
        (np.complex128(1j), "result", "of type complex"),
        ("a\ud800", "result", "lone surrogate at character 1"),
        ({"\udc00": 1}, "result", "lone surrogate"),
        ({(1, 2): 1}, "result", "a key of type tuple"),
        ({1: "a", "1": "b"}, 'result["1"]', "twice"),
        (10**5000, "result", "too long to be written"),
        (Part(name=Part, at=()), 'result["name"]', "of type type"),
        (1j, "result", "of type complex"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
)
def test_what_json_cannot_hold_is_refused_with_its_type_and_place(value, place, reason):
    with pytest.raises(ResultError) as refusal:
        to_json(value)
    text = str(refusal.value)
    assert text.startswith(place + " "), text
    assert reason in text


def test_a_cycle_is_refused():
    loop = {"a": []}
    loop["a"].append(loop)
    with pytest.raises(ResultError, match=r'result\["a"\]\[0\] contains itself'):
        to_json(loop)


def test_the_same_list_twice_is_no_cycle():
    shared = [1]
    assert to_json([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize(("depth", "allowed"), [(100, True), (101, False), (100_000, False)])
def test_deep_nesting_is_refused_by_its_depth(depth, allowed):
    value = None
    for _ in range(depth):
        value = [value]
    if allowed:
        to_json(value)
        return
    with pytest.raises(ResultError, match="more than 100 levels deep"):
        to_json(value)


def test_a_long_result_is_refused_with_a_way_out():
    with pytest.raises(ResultError, match=r"longer than 1000 bytes: write it into a file"):
        to_json({"text": "x" * 1001}, limit=1000)


def test_the_name_says_which_call_was_wrong():
    with pytest.raises(ResultError, match=r"^progress_output is of type bytes"):
        to_json(b"", name="progress_output")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_stays_as_it_is(value):
    try:
        converted = to_json(value)
    except ResultError as refusal:
        assert "surrogate" in str(refusal)  # noqa: PT017  (the only thing that hypothesis makes and JSON cannot hold)
    else:
        assert converted == value
