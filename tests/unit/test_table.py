"""Tables of the command line."""

import pytest

from pixyz_scheduler.cli.table import end_of, seconds, table

UUID = "00000000-0000-4000-8000-000000000000"


def test_columns_are_as_wide_as_their_widest_cell():
    assert table(("a", "bee"), [("long", "1"), ("x", "")], width=80) == ["a     bee", "long  1", "x"]


def test_the_widest_column_is_cut_and_the_first_is_not():
    rows = [(UUID, "w" * 60, "name" * 5)]
    lines = table(("uuid", "worker", "name"), rows, width=80)
    assert all(len(line) <= 80 for line in lines)
    assert lines[1] == f"{UUID}  {'w' * 19}…  namenamenamenamename"


def test_what_cannot_be_cut_enough_is_wider_than_the_terminal():
    assert table(("uuid", "n"), [(UUID, "abcdef")], width=10) == [f"uuid{' ' * 34}n", f"{UUID}  abc…"]


@pytest.mark.parametrize(
    ("span", "text"),
    [(None, "-"), (0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_a_span_shows_its_two_largest_units(span, text):
    assert seconds(span) == text


def test_of_a_path_that_is_too_wide_the_end_is_shown():
    assert end_of("/work/shared/samples/wheel.step", 16) == "…ples/wheel.step"
    assert end_of("wheel.step", 10) == "wheel.step"
