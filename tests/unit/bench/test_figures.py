"""Figures: quantiles, ratios to a floor, JSON, and what counts as a regression."""

import pytest

from bench.comparison import compare, missing
from bench.figure import Figure
from bench.floors import rates
from bench.quantile import quantile
from bench.report import comparison, line
from bench.results import Results


def figure(name, *samples, floor=None, **more):
    return Figure(name, name.title(), "ms", samples, "", floor=floor, **more)


def results(*figures):
    return Results({"machine": "this one"}, figures)


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [
        ([7.0], 0.99, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0], 0.5, 1.5),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 0.95, 4.8),
        ([1.0, 9.0], 1.0, 9.0),
        ([1.0, 9.0], 0.0, 1.0),
    ],
)
def test_a_quantile_lies_between_two_samples_and_never_beyond_the_largest(samples, share, expected):
    assert quantile(samples, share) == pytest.approx(expected)


def test_a_ratio_is_of_the_medians_and_infinite_beside_nothing():
    assert figure("a", 1.0, 6.0, 100.0).ratio_to(figure("b", 2.0, 3.0, 4.0)) == 2.0
    assert figure("a", 1.0).ratio_to(figure("b", 0.0)) == float("inf")


def test_a_figure_whose_floor_was_not_measured_has_no_ratio():
    assert results(figure("a", 1.0, floor="gone")).ratio(figure("a", 1.0, floor="gone")) is None


def test_results_come_back_from_their_file_as_they_were(tmp_path):
    kept = results(
        figure("floor", 1.25, 2.5),
        figure("a", 0.125, 3.0, floor="floor", more_is_better=True, target="9", compared=False),
    )
    kept.write(tmp_path / "a.json")
    assert Results.read(tmp_path / "a.json") == kept


def test_a_file_has_five_digits_of_each_sample(tmp_path):
    results(figure("a", 1.23456789)).write(tmp_path / "a.json")
    assert Results.read(tmp_path / "a.json").figures[0].samples == (1.2346,)


def test_of_many_samples_a_file_has_the_quantiles_and_how_many_there_were(tmp_path):
    results(figure("a", *map(float, range(10_001)))).write(tmp_path / "a.json")
    [read] = Results.read(tmp_path / "a.json").figures
    assert (len(read.samples), read.count) == (201, 10_001)
    assert (read.median, read.at(0.99), read.at(1.0)) == (5000.0, 9900.0, 10000.0)
    results(read).write(tmp_path / "b.json")
    assert Results.read(tmp_path / "b.json").figures == (read,)


@pytest.mark.parametrize(
    ("before", "after", "floor_after", "more_is_better", "is_regression"),
    [
        (10.0, 11.9, 1.0, False, False),
        (10.0, 12.1, 1.0, False, True),
        (10.0, 20.0, 2.0, False, False),  # the machine is half as quick
        (10.0, 10.0, 0.5, False, True),  # the machine is twice as quick, and we are not
        (10.0, 8.4, 1.0, True, False),
        (10.0, 8.2, 1.0, True, True),
        (10.0, 20.0, 1.0, True, False),
    ],
)
def test_worse_by_a_fifth_of_the_ratio_to_the_floor_is_a_regression(
    before, after, floor_after, more_is_better, is_regression
):
    def run(floor, value):
        return results(figure("floor", floor), figure("a", value, floor="floor", more_is_better=more_is_better))

    [change] = compare(run(1.0, before), run(floor_after, after))
    assert change.is_regression is is_regression


def test_a_figure_without_a_floor_is_compared_by_its_median():
    [change] = compare(results(figure("memory", 100.0)), results(figure("memory", 121.0)))
    assert (change.before, change.after, change.is_regression) == (100.0, 121.0, True)


def test_figures_that_stand_beside_different_floors_are_compared_by_their_medians():
    floors = figure("f", 1.0), figure("g", 10.0)
    before, after = (results(*floors, figure("a", 5.0, floor=name)) for name in ("f", "g"))
    change = compare(before, after)[-1]
    assert (change.name, change.before, change.after, change.is_regression) == ("a", 5.0, 5.0, False)


def test_nothing_that_stays_nothing_is_no_regression_and_from_nothing_to_something_is_one():
    [same] = compare(results(figure("cpu", 0.0)), results(figure("cpu", 0.0)))
    [more] = compare(results(figure("cpu", 0.0)), results(figure("cpu", 0.5)))
    assert (same.is_regression, more.is_regression) == (False, True)


def test_what_is_not_judged_is_shown_and_is_no_regression():
    before, after = (results(figure("a", value, compared=False)) for value in (1.0, 9.0))
    [change] = compare(before, after)
    assert change.worse == 9.0
    assert not change.is_regression


def test_figures_that_only_one_run_has_are_named_and_not_compared():
    before, after = results(figure("a", 1.0), figure("b", 1.0)), results(figure("b", 1.0), figure("c", 1.0))
    assert [change.name for change in compare(before, after)] == ["b"]
    assert missing(before, after) == ["a"]


def test_rates_are_of_parts_of_the_row_of_ends():
    assert rates([0.0, 0.5, 1.0, 1.25, 1.5], parts=2) == (2.0, 4.0)


def test_a_line_tells_the_figure_its_ratio_and_what_it_does_not_include():
    told = line(Figure("a", "Alpha", "ms", (1.0, 2.0, 3.0), "the rest", floor="f", target="less"), 1.5)
    assert told.split("\n")[0].split() == ["Alpha", "3", "2.00", "2.90", "2.98", "ms", "1.50"]
    assert "not included: the rest" in told
    assert "wanted: less" in told


def test_a_comparison_marks_the_regression():
    told = comparison(compare(results(figure("a", 1.0)), results(figure("a", 2.0))), ["gone"])
    assert "REGRESSION" in told
    assert "not in the second: gone" in told
