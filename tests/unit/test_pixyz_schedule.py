"""The decorator keeps what was said and leaves the function alone."""

import pytest

from pixyz_scheduler.script.schedule import ScheduleOptions, pixyz_schedule, schedule_of


def test_a_decorated_function_is_called_directly():
    @pixyz_schedule(queue="gpu", timeout=3600, wait=True, entrypoint="main", priority=3)
    def main(pc, params):
        """Say so."""
        return pc, params

    assert main(1, 2) == (1, 2)
    assert main.__doc__ == "Say so."
    assert schedule_of(main) == ScheduleOptions(queue="gpu", timeout=3600, wait=True, entrypoint="main", priority=3)
    assert main.__pixyz_schedule__.queue == "gpu"


def test_it_may_stand_bare():
    @pixyz_schedule
    def bare():
        return 1

    @pixyz_schedule()
    def with_brackets():
        return 2

    assert (bare(), with_brackets()) == (1, 2)
    assert schedule_of(bare) == schedule_of(with_brackets) == ScheduleOptions()


def test_a_function_without_it_has_no_options():
    assert schedule_of(print) is None


def test_time_limit_is_another_name_of_timeout():
    assert schedule_of(pixyz_schedule(time_limit=5)(lambda: None)).timeout == 5


def test_what_is_not_known_is_kept_with_a_warning():
    with pytest.warns(UserWarning, match="does not know que; ignored"):
        decorate = pixyz_schedule(que="gpu")
    assert schedule_of(decorate(lambda: None)).other == {"que": "gpu"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"timeout": 0}, "timeout must be seconds above 0, not 0"),
        ({"timeout": -1}, "timeout must be seconds"),
        ({"no_progress_limit": 0}, "no_progress_limit must be seconds above 0, not 0"),
        ({"timeout": "2"}, "timeout must be seconds above 0, not '2'"),
        ({"timeout": True}, "timeout must be seconds"),
        ({"queue": 1}, "queue must be text, not 1"),
        ({"entrypoint": print}, "entrypoint must be text"),
    ],
)
def test_a_wrong_argument_is_refused_where_it_stands(arguments, reason):
    with pytest.raises(TypeError, match=reason):
        pixyz_schedule(**arguments)


def test_arguments_go_by_name():
    with pytest.raises(TypeError, match=r'by name: pixyz_schedule\(queue="gpu"\), not \'gpu\''):
        pixyz_schedule("gpu")
