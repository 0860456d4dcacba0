from dataclasses import replace

import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions, merge_options
from pixyz_scheduler.jobs.same_work import may_share, names_jobs, same_work

JOB = Job(
    JobId("a"), "custom", JobOptions(cache=True), 1.0, params='{"a": 1, "b": {"c": [1, 2], "d": 2}}', script="s.py"
)
WORK = {"program": "p", "code": "c", "inputs": [("a.step", "1"), ("b.step", "2")]}


def key(job=JOB, **work):
    return same_work(job, **{**WORK, **work})


@pytest.mark.parametrize(
    "same",
    [
        replace(JOB, id=JobId("b"), submitted=2.0, name="another name", script="t.py", parent=JobId("c")),
        replace(JOB, params='{"b":{"d":2,"c":[1,2]},"a":1}'),
        replace(JOB, options=replace(JOB.options, queue="gpu", priority=0, time_limit=1.0, no_progress_limit=1.0)),
    ],
)
def test_who_asks_when_and_where_it_runs_make_no_difference(same):
    assert key(same) == key()
    assert len(key()) == 64


@pytest.mark.parametrize(
    "other",
    [
        {"job": replace(JOB, params='{"a": 2, "b": {"c": [1, 2], "d": 2}}')},
        {"job": replace(JOB, params='{"a": 1, "b": {"c": [2, 1], "d": 2}}')},
        {"job": replace(JOB, params='{"a": true, "b": {"c": [1, 2], "d": 2}}')},
        {"job": replace(JOB, process="convert_file")},
        {"job": replace(JOB, input_file="b.step")},
        {"job": replace(JOB, context='{"retry": 1}')},
        *(
            {"job": replace(JOB, options=replace(JOB.options, **{name: value}))}
            for name, value in [
                ("entrypoint", "other"),
                ("root_file", "a/b.step"),
                ("raw", True),
                ("compute_only", True),
            ]
        ),
        {"program": "q"},
        {"code": "d"},
        {"inputs": [("a.step", "1"), ("b.step", "3")]},
        {"inputs": [("a.step", "1"), ("c.step", "2")]},
        {"inputs": [("b.step", "2"), ("a.step", "1")]},
        {"inputs": [("a.step", "1")]},
    ],
)
def test_whatever_makes_the_outputs_makes_another_key(other):
    assert key(**other) != key()


@pytest.mark.parametrize(
    ("job", "shares"),
    [
        (JOB, True),
        (replace(JOB, parent=JobId("p")), True),
        (replace(JOB, options=replace(JOB.options, cache=False)), False),
        (replace(JOB, options=replace(JOB.options, input_url="https://a/b")), False),
        (replace(JOB, outputs_of=JobId("p")), False),
    ],
)
def test_jobs_share_that_ask_for_it_have_outputs_of_their_own_and_inputs_known_before(job, shares):
    assert may_share(job) is shares


def test_the_option_is_a_flag_that_the_user_or_the_decorator_sets():
    assert merge_options({}, {})[0].cache is False
    assert merge_options({"cache": True}, {})[0].cache is True
    assert merge_options({}, {"cache": True})[0].cache is True
    assert merge_options({"cache": False}, {"cache": True})[0].cache is False


def test_with_an_input_by_url_it_is_ignored_and_said_so():
    assert merge_options({"cache": True, "input_url": "https://a/b"}, {})[1] == [
        "config.cache is ignored: what config.input_url gives is known only once it is fetched."
    ]


ID = "0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d"


@pytest.mark.parametrize(
    ("result", "params", "names"),
    [
        ('{"output": "wheel.glb"}', "{}", False),
        (f'{{"output": "/share/{ID}/outputs/wheel.glb"}}', "{}", True),
        (f'["{ID}"]', f'{{"asset": "{ID}"}}', False),
        (f'["{ID}", "{ID.replace("0b", "1b")}"]', f'{{"asset": "{ID}"}}', True),
    ],
)
def test_a_uuid_that_the_params_did_not_bring_may_be_a_jobs(result, params, names):
    assert names_jobs(result, params=params) is names
