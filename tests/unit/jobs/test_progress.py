import json
import tracemalloc

import pytest

from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.steps import Step


def test_percent_counts_the_steps_that_are_over():
    progress = Progress().with_total(4)
    assert progress.percent == 0
    progress = progress.next("a", 10.0).next("b", 12.0)
    assert progress.percent == 25
    assert progress.steps == (Step("a", 10.0, 2.0), Step("b", 12.0))
    assert progress.stopped(13.5).percent == 50


def test_nothing_announced_is_unknown():
    assert Progress().next("a", 1.0).percent is None


def test_more_steps_than_announced_stay_at_a_hundred():
    progress = Progress().with_total(1)
    for n in range(5):
        progress = progress.next(str(n), float(n))
    assert progress.percent == 100


def test_a_clock_that_steps_back_makes_no_negative_step():
    assert Progress().next("a", 10.0).stopped(9.0).steps[0].duration == 0


@pytest.mark.parametrize("message", [{"type": "step"}, {"type": "progress_total", "total": "x"}, {"type": "other"}, {}])
def test_a_message_that_is_not_about_progress_changes_nothing(message):
    assert Progress(total=2).folded(message, 1.0) == Progress(total=2)


def test_it_survives_the_wire():
    progress = Progress().with_total(2).next("a", 1.0).folded({"type": "progress_output", "value": {"x": 1}}, 2.0)
    assert Progress.from_wire(json.loads(progress.text)) == progress
    assert (Progress().text, Progress.from_wire({})) == ("{}", Progress())


def test_it_is_told_as_json_whatever_went_on_from_it():
    first = Progress().next('a "\ud800', 1.0).next("b", 2.0)
    one, other = first.next("c", 3.0).next("d", 4.0), first.next("x", 5.0).next("y", 6.0)
    for _ in range(2):
        for each in (one, first, other, first.stopped(9.0), Progress(2, (Step("z", 1.0),), {"n": [1.5]}, 1)):
            told = json.loads(each.text)
            steps = [[step.info, step.began, step.duration] for step in each.steps]
            assert told == {"total": each.total, "steps": steps, "output": each.output, "before": each.before}


def test_a_value_stays_as_it_was_whatever_comes_of_it():
    first = Progress().next("a", 1.0).next("b", 2.0)
    one, other = first.next("c", 3.0).next("d", 4.0), first.next("x", 5.0)
    assert [step.info for step in first.steps] == ["a", "b"]
    assert [step.info for step in one.steps] == ["a", "b", "c", "d"]
    assert [step.info for step in other.steps] == ["a", "b", "x"]
    assert (one.steps[1].duration, other.steps[1].duration) == (1.0, 3.0)
    assert first.stopped(9.0).steps == (Step("a", 1.0, 1.0), Step("b", 2.0, 7.0))
    assert first.steps == (Step("a", 1.0, 1.0), Step("b", 2.0))


def test_a_thousand_steps_more_do_not_copy_those_before_them():
    progress = Progress(steps=tuple(Step("x", float(n), 1.0) for n in range(20_000))).next("first", 1.0)
    tracemalloc.start()
    kept = [progress]
    for n in range(1000):
        kept.append(kept[-1].folded({"type": "step", "info": "x"}, float(n)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A copy of the row, in each of a thousand values, would be 160 MB.
    assert held < 5_000_000
    assert [len(each.steps) for each in (kept[0], kept[-1])] == [20_001, 21_001]
