"""What is done with jobs after their end, or to bring it about: run again, removed."""

import uuid

import pytest

from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState

DONE = Finish(JobState.SUCCESS)
FAILED = Finish(JobState.FAILURE, "script_error", "ValueError: no such part")


def details(api, job_id):
    return api.http.get(f"/jobs/{job_id}/details").json()


@pytest.mark.parametrize("decision", [DONE, FAILED])
def test_a_job_that_has_ended_is_run_again_with_the_same_inputs_and_a_new_history(api, decision):
    job_id = api.new_job(name="bracket", params='{"a": 1}', config='{"queue": "gpu"}')
    api.claim(job_id, "gpu")
    api.commit(job_id, decision, result='{"x": 1}')
    answer = api.http.post(f"/jobs/{job_id}/retry")
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")
    told = details(api, job_id)
    assert (told["name"], told["queue"], told["result"], told["error"]) == ("bracket", "gpu", None, None)
    assert (told["attempts"], told["retry"], told["cause"]) == ([], 0, None)
    report = api.claim(job_id, "gpu").report
    assert (report.job.params, report.job.script) == ('{"a":1}', "job.py")
    assert api.share.folder(job_id).input("job.py").is_file()


def test_a_revoked_job_is_run_again_and_its_cancel_is_forgotten(api):
    job_id = api.new_job()
    api.http.post(f"/jobs/{job_id}/cancel")
    assert api.http.post(f"/jobs/{job_id}/retry").status_code == 200
    assert api.claim(job_id).verdict == "run"


@pytest.mark.parametrize("claimed", [False, True])
def test_a_job_that_has_not_ended_is_not_run_again(api, claimed):
    job_id = api.new_job()
    if claimed:
        api.claim(job_id)
    answer = api.http.post(f"/jobs/{job_id}/retry")
    assert answer.status_code == 409
    assert "has not ended yet" in answer.json()["detail"]["details"]


def test_the_second_of_two_retries_is_refused(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, DONE)
    codes = [api.http.post(f"/jobs/{job_id}/retry").status_code for _ in range(2)]
    assert codes == [200, 409]


def test_the_end_that_the_share_keeps_is_none_any_more_when_the_job_is_run_again(api):
    job_id = api.new_job()
    path = api.share.folder(job_id).path / ".state" / "final.json"
    assert api.http.post(f"/jobs/{job_id}/cancel").status_code == 200
    while not path.exists():
        pass
    assert api.http.post(f"/jobs/{job_id}/retry").status_code == 200
    assert not path.exists()
    assert api.http.post(f"/jobs/{job_id}/retry").status_code == 409
    assert api.http.post(f"/jobs/{job_id}/cancel").status_code == 200
    while not path.exists():
        pass


def test_a_job_whose_files_are_gone_is_not_run_again(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, DONE)
    api.share.folder(job_id).remove()
    answer = api.http.post(f"/jobs/{job_id}/retry")
    assert answer.status_code == 409
    assert "are gone" in answer.json()["detail"]["details"]


@pytest.mark.parametrize("ended", [False, True])
def test_a_job_that_does_not_run_is_removed_at_once_with_all_its_files(api, ended):
    before = api.on_share()
    job_id = api.new_job()
    if ended:
        api.claim(job_id)
        api.output(job_id, "a/b.glb", b"x")
        api.commit(job_id, DONE)
    answer = api.http.delete(f"/jobs/{job_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.http.get(f"/jobs/{job_id}").status_code == 404
    assert api.http.delete(f"/jobs/{job_id}").status_code == 404
    assert api.on_share() == before


def test_a_running_job_is_stopped_first_and_goes_once_it_has_ended(api):
    before = api.on_share()
    job_id = api.new_job()
    api.claim(job_id)
    answer = api.http.delete(f"/jobs/{job_id}")
    assert answer.status_code == 202
    assert details(api, job_id)["cancelling"] is True
    assert api.records.renew(job_id, lease=api.lease) == "stop"
    assert api.commit(job_id, DONE) is JobState.REVOKED
    assert api.http.post(f"/jobs/{job_id}/retry").status_code in (404, 409)
    while api.http.get(f"/jobs/{job_id}").status_code != 404:
        pass
    assert api.settled(before)


def test_a_job_that_waits_says_for_what(api):
    job_id = api.new_job(config='{"queue": "nobodys"}')
    assert details(api, job_id)["waiting_for"] == "no worker listens on queue nobodys"
    api.claim(job_id, "nobodys")
    assert details(api, job_id)["waiting_for"] is None


@pytest.mark.parametrize(("method", "path"), [("POST", "/jobs/{}/retry"), ("DELETE", "/jobs/{}")])
def test_an_unknown_job_is_neither_run_again_nor_removed(api, method, path):
    assert api.http.request(method, path.format(uuid.uuid4())).status_code == 404
