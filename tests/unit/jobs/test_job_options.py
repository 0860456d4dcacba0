import pytest

from pixyz_scheduler.errors import InvalidConfig, InvalidJobId
from pixyz_scheduler.jobs.job import JobOptions, merge_options, parse_job_id


def test_the_user_wins_over_the_decorator_and_the_decorator_over_the_default():
    options, warnings = merge_options(
        {"queue": "gpu", "priority": None}, {"queue": "wine", "timeout": 60, "priority": 2}
    )
    assert options == JobOptions(queue="gpu", time_limit=60, priority=2)
    assert warnings == []


def test_a_waiting_job_without_a_queue_goes_to_control():
    assert merge_options({}, {"wait": True})[0].queue == "control"
    assert merge_options({}, {"wait": True, "queue": "gpu"})[0].queue == "gpu"
    assert merge_options({"queue": "cpu"}, {"wait": True})[0].queue == "cpu"


@pytest.mark.parametrize("name", ["script", "data", "shadow", "uuid", "task_id", "expires", "countdown"])
def test_what_is_not_the_clients_to_set_is_ignored_with_a_warning(name):
    options, warnings = merge_options({name: "x"}, {})
    assert options == JobOptions()
    assert f"config.{name}" in warnings[0]


def test_without_a_word_about_it_a_job_may_be_silent_as_long_as_it_likes():
    assert merge_options({}, {})[0].no_progress_limit is None
    assert merge_options({"no_progress_limit": None}, {"no_progress_limit": 60})[0].no_progress_limit == 60
    assert merge_options({"no_progress_limit": "90"}, {"no_progress_limit": 60})[0].no_progress_limit == 90


@pytest.mark.parametrize(("given", "seconds"), [(2, 2.0), ("2", 2.0), (0.5, 0.5), (100_000, 100_000.0)])
def test_a_time_limit_may_be_a_number_or_its_text(given, seconds):
    assert merge_options({"time_limit": given}, {})[0].time_limit == seconds


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"time_limit": 0}, "above 0"),
        ({"no_progress_limit": 0}, "config.no_progress_limit is 0: it must be a number of seconds above 0"),
        ({"no_progress_limit": "soon"}, "above 0"),
        ({"time_limit": -1}, "above 0"),
        ({"time_limit": "soon"}, "above 0"),
        ({"time_limit": True}, "above 0"),
        ({"time_limit": float("nan")}, "above 0"),
        ({"time_limit": 10**400}, "above 0"),
        ({"queue": "a b"}, "queue"),
        ({"queue": "cpu:3"}, "queue"),
        ({"queue": 7}, "text"),
        ({"queue": ""}, "text"),
        ({"entrypoint": "a.b"}, "function"),
        ({"priority": 10}, "0 (most urgent) to 9"),
        ({"priority": "1"}, "0 (most urgent) to 9"),
        ({"raw": "yes"}, "true or false"),
    ],
)
def test_a_wrong_option_says_which_and_what_is_allowed(config, word):
    with pytest.raises(InvalidConfig, match=next(iter(config))) as raised:
        merge_options(config, {})
    assert word in str(raised.value)


def test_options_survive_the_wire_and_an_unknown_one_from_a_newer_version_is_left_out():
    options = JobOptions(queue="gpu", time_limit=1.5)
    assert JobOptions.from_wire(options.to_wire() | {"later": 1}) == options


@pytest.mark.parametrize("text", ["", "abc", "../../etc", "1" * 36, "12345678-1234-1234-1234-12345678901g"])
def test_what_is_no_uuid_is_no_job_id(text):
    with pytest.raises(InvalidJobId, match="8-4-4-4-12"):
        parse_job_id(text)


def test_a_job_id_is_read_in_either_case():
    assert parse_job_id("ABCDEF01-1234-1234-1234-123456789012") == "abcdef01-1234-1234-1234-123456789012"


def test_how_inputs_are_kept_is_the_senders_to_say():
    assert merge_options({}, {"deduplicate": True})[0].deduplicate is False
    assert merge_options({"deduplicate": True}, {})[0].deduplicate is True
    assert "deduplicate" not in merge_options({"deduplicate": False}, {})[0].to_wire()
    with pytest.raises(InvalidConfig, match="deduplicate is 1: it must be true or false"):
        merge_options({"deduplicate": 1}, {})
