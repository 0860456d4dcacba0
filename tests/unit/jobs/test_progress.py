import pytest

from pixyz_scheduler.jobs.progress import Progress, Step


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
    assert Progress.from_wire(progress.to_wire()) == progress
    assert Progress.from_wire({}) == Progress()
