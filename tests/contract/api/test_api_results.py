"""A large result lies in a file, and nobody who asks for it need know."""

import json

import pytest

from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.results import Results

LARGE = {"text": 'ü"\\\n' * 300_000, "numbers": list(range(1000))}


@pytest.fixture
def job(api):
    """A job that has ended with a large result, as a worker leaves it."""
    job_id = api.new_job(name='"result":null')
    api.claim(job_id)
    name = Results(api.share).keep(job_id, json.dumps(LARGE, ensure_ascii=False), attempt=1)
    api.commit(job_id, Finish(JobState.SUCCESS), result="", result_file=name)
    return job_id


def test_details_give_it_whole(api, job):
    answer = api.http.get(f"/jobs/{job}/details")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    details = answer.json()
    assert (details["result"], details["status"], details["name"]) == (LARGE, "SUCCESS", '"result":null')
    small = api.new_job()
    assert details.keys() == api.http.get(f"/jobs/{small}/details").json().keys()


def test_task_meta_gives_it_whole(api, job):
    meta = api.http.get(f"/backend/get_task_meta/{job}").json()
    assert (meta["result"]["result"], meta["status"], meta["task_id"]) == (LARGE, "SUCCESS", job)


def test_who_only_looks_reads_no_file(api, job):
    path = api.share.folder(job).path / ".state" / "result-1.json"
    path.unlink()
    assert api.http.get(f"/jobs/{job}").json()["status"] == "SUCCESS"
    assert job in [each["uuid"] for each in api.http.get("/jobs").json()["jobs"]]
    gone = api.http.get(f"/jobs/{job}/details")
    assert gone.status_code == 500
    assert gone.json()["detail"]["details"] == (
        f"The result of job {job} is gone: it lay in .state/result-1.json of its folder."
    )


def test_a_share_that_is_away_is_503(api, job):
    away = api.share.root.rename(api.share.root.with_name("elsewhere"))
    try:
        assert api.http.get(f"/jobs/{job}/details").status_code == 503
    finally:
        away.rename(api.share.root)
    assert api.http.get(f"/jobs/{job}/details").json()["result"] == LARGE


def test_it_goes_with_its_job(api, job):
    assert api.http.delete(f"/jobs/{job}").status_code == 204
    assert not any(job in name for name in api.on_share())


def test_run_again_the_job_has_no_result(api, job):
    assert api.http.post(f"/jobs/{job}/retry").status_code == 200
    assert api.http.get(f"/jobs/{job}/details").json()["result"] is None
