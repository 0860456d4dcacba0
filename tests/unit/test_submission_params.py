"""Params that JSON can write and nothing else can hold."""

from pathlib import Path

import pytest

from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.intake.submission import Submission
from pixyz_scheduler.jobs.job import JobOptions

CATALOG = ProcessCatalog(Path(__file__).parents[2] / "processes")


@pytest.mark.parametrize("params", ['{"a": 1e999}', '{"a": [-1e999]}', '{"a": "\\ud800"}', '{"\\udfff": 1}'])
def test_what_no_script_can_be_given_is_refused_when_it_is_sent(params):
    with pytest.raises(InvalidParams, match="no script can be given"):
        Submission(process="sleep", params=params).to_job(CATALOG, JobOptions())


@pytest.mark.parametrize("params", ['{"a": 1e308}', '{"a": "\\ud83d\\ude00"}', '{"a": "\\u0000"}', '{"a": ""}'])
def test_odd_params_that_a_script_can_be_given_are_taken(params):
    job, _ = Submission(process="sleep", params=params).to_job(CATALOG, JobOptions())
    assert job.params
