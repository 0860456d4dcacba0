"""The life of a job as the API tells it, field by field and state by state."""

import json
import re

import pytest

from pixyz_scheduler.jobs.attempt import Attempt, Tally
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.report import ended_attempt
from pixyz_scheduler.jobs.retry import Finish, TryAgain
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.steps import Step

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DONE = Finish(JobState.SUCCESS)
FAILED = Finish(JobState.FAILURE, "script_error", "ValueError: no such part")
TRACE = 'Traceback (most recent call last):\n  File "job.py", line 3, in main\nValueError: no such part'


def state(api, job_id):
    return api.http.get(f"/jobs/{job_id}").json()


def details(api, job_id):
    return api.http.get(f"/jobs/{job_id}/details").json()


def test_the_answer_of_a_post_is_a_job_state_with_status_sent(api):
    told = api.send(name="bracket", config='{"queue": "gpu"}').json()
    assert UUID.fullmatch(told.pop("uuid"))
    assert told == {
        "name": "bracket",
        "status": "SENT",
        "progress": None,
        "error": None,
        "process": "custom",
        "queue": "gpu",
        "warnings": [],
    }


def test_a_waiting_job_is_pending(api):
    job_id = api.new_job(name="bracket", params='{"a": 1}')
    expected = {"uuid": job_id, "name": "bracket", "status": "PENDING", "progress": None, "error": None}
    assert state(api, job_id) == {**expected, "process": "custom", "queue": "cpu"}
    told = details(api, job_id)
    assert ISO.fullmatch(told["time_info"].pop("request"))
    assert all(len(digest) == 64 for digest in told.pop("input_hashes").values())
    assert told == {
        **expected,
        "process": "custom",
        "queue": "cpu",
        "time_info": {"started": None, "stopped": None},
        "steps": [],
        "retry": 0,
        "result": None,
        "progress_output": None,
        "cause": None,
        "cancelling": False,
        "waiting_for": "no worker listens on queue cpu",
        "worker": None,
        "time_limit": 3600.0,
        "no_progress_limit": None,
        "priority": 5,
        "deduplicate": False,
        "timings": {},
        "attempts": [],
        "parent": None,
        "root": None,
        "children": [],
        "reason": None,
        "cached_from": None,
        "trace_id": None,
    }


def test_a_running_job_tells_its_steps_the_one_that_runs_with_minus_one(api):
    job_id = api.new_job()
    api.claim(job_id)
    progress = Progress(4, (Step("Importing", 10.0, 0.2500001163), Step("Exporting", 10.25)), {"parts": 7})
    api.records.renew(job_id, lease=api.lease, progress=progress)
    told = details(api, job_id)
    assert (told["status"], told["progress"], told["worker"]) == ("RUNNING", 25, "worker-1")
    assert told["steps"] == [{"duration": 0.25, "info": "Importing"}, {"duration": -1, "info": "Exporting"}]
    assert told["progress_output"] == {"parts": 7}
    assert ISO.fullmatch(told["time_info"]["started"])
    assert told["time_info"]["stopped"] is None


@pytest.mark.parametrize(
    "result", [None, True, 7, 0.5, "text", "", [], {"sleep": 0.1}, {"deep": [{"a": None}]}, "\ud800 lone", "é 🙂"]
)
def test_a_result_is_any_json(api, result):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, DONE, result=json.dumps(result))
    told = details(api, job_id)
    assert (told["status"], told["progress"], told["error"]) == ("SUCCESS", 100, None)
    assert told["result"] == result
    assert ISO.fullmatch(told["time_info"]["stopped"])


def test_a_failed_job_keeps_its_name_steps_progress_and_times(api):
    job_id = api.new_job(name="bracket")
    api.claim(job_id)
    api.records.renew(job_id, lease=api.lease, progress=Progress(2, (Step("Importing", 1.0, 0.5),)))
    api.commit(job_id, FAILED, traceback=TRACE)
    told = state(api, job_id)
    assert (told["name"], told["status"], told["progress"]) == ("bracket", "FAILURE", 50)
    assert told["error"] == "ValueError: no such part"
    told = details(api, job_id)
    assert told["error"] == TRACE
    assert told["cause"] == "script_error"
    assert told["steps"] == [{"duration": 0.5, "info": "Importing"}]
    assert all(ISO.fullmatch(when) for when in told["time_info"].values())


def test_a_failure_without_traceback_tells_its_one_line_in_the_details(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.FAILURE, "timeout", "Task process timeout"))
    assert details(api, job_id)["error"] == "Task process timeout"


def test_a_job_that_is_tried_again_tells_where_and_how_often(api):
    job_id = api.new_job()
    report = api.claim(job_id).report
    attempt = Attempt(1, "worker-1", "cpu", started=10.0, stopped=12.5, outcome="signal", signal=11)
    api.commit(
        job_id,
        TryAgain("gpuhigh", Tally(crashes=1), "signal", "Killed by SIGSEGV"),
        attempts=ended_attempt(report, attempt),
    )
    told = details(api, job_id)
    assert (told["status"], told["queue"], told["cause"]) == ("RETRY", "gpuhigh", "signal")
    assert told["attempts"] == [
        {
            "number": 1,
            "worker": "worker-1",
            "queue": "cpu",
            "started": "1970-01-01T00:00:10.000+00:00",
            "stopped": "1970-01-01T00:00:12.500+00:00",
            "outcome": "signal",
            "exit_code": None,
            "signal": 11,
            "peak_memory": None,
            "timings": None,
        }
    ]
    api.claim(job_id, queue="gpuhigh")
    assert details(api, job_id)["retry"] == 1


def test_text_of_a_script_that_no_utf8_holds_is_told_all_the_same(api):
    job_id = api.new_job()
    api.claim(job_id)
    progress = Progress(1, (Step("part \ud800", 1.0),), "\udfff")
    api.records.renew(job_id, lease=api.lease, progress=progress)
    told = details(api, job_id)
    assert told["steps"][0]["info"] == "part \\ud800"
    assert told["progress_output"] == "\udfff"


def test_a_waiting_job_is_cancelled_at_once_and_stays_so(api):
    job_id = api.new_job()
    for _ in range(2):
        answer = api.http.post(f"/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "REVOKED")


def test_a_running_job_is_told_to_stop(api):
    job_id = api.new_job()
    api.claim(job_id)
    assert api.http.post(f"/jobs/{job_id}/cancel").status_code == 200
    assert details(api, job_id)["cancelling"] is True
    assert api.records.renew(job_id, lease=api.lease) == "stop"


def test_a_job_that_has_ended_cannot_be_cancelled(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, DONE, result="1")
    answer = api.http.post(f"/jobs/{job_id}/cancel")
    assert answer.status_code == 409
    assert answer.json()["detail"] == {
        "code": 409,
        "message": "Conflict",
        "details": f"Job {job_id} has ended already: SUCCESS.",
    }


def test_a_job_id_is_known_in_capitals_too(api):
    job_id = api.new_job()
    assert state(api, job_id.upper())["uuid"] == job_id


META = {"traceback": None, "children": [], "parent_id": None, "date_done": None}


def test_task_meta_is_celerys(api):
    job_id = api.new_job()

    def meta():
        return api.http.get(f"/backend/get_task_meta/{job_id}").json()

    assert meta() == {**META, "task_id": job_id, "status": "PENDING", "result": None}
    api.claim(job_id)
    api.commit(job_id, DONE, result='{"a": 1}')
    done = meta()
    assert ISO.fullmatch(done.pop("date_done"))
    record = {
        "result": {"a": 1},
        "steps": [],
        "time_info": details(api, job_id)["time_info"],
        "progress": 100,
        "retry": 0,
    }
    assert {**done, "date_done": None} == {**META, "task_id": job_id, "status": "SUCCESS", "result": record}


@pytest.mark.parametrize(
    ("error", "kind", "message", "module"),
    [
        ("ValueError: no: such part", "ValueError", "no: such part", "builtins"),
        ("zipfile.BadZipFile: bad", "BadZipFile", "bad", "zipfile"),
        ("Task process timeout", "JobFailed", "Task process timeout", "pixyz_scheduler.worker.tasks"),
        ("It died: of heat", "JobFailed", "It died: of heat", "pixyz_scheduler.worker.tasks"),
    ],
)
def test_task_meta_of_a_failed_job_is_there(api, error, kind, message, module):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.FAILURE, "script_error", error), traceback=TRACE)
    told = api.http.get(f"/backend/get_task_meta/{job_id}").json()
    assert told["status"] == "FAILURE"
    assert told["result"] == {"exc_type": kind, "exc_message": [message], "exc_module": module}
    assert told["traceback"] == TRACE


def test_the_hops_of_the_farm_are_among_the_metrics_and_a_jobs_own_in_its_details(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.SUCCESS), result="null", hops="1500 20000 3000")
    assert details(api, job_id)["timings"].items() >= {"began": 0.0015, "ran": 0.02, "left": 0.003}.items()
    text = api.http.get("/metrics").text
    assert 'pixyz_job_hop_seconds_bucket{hop="began",le="0.001"} 0.0' in text
    assert 'pixyz_job_hop_seconds_bucket{hop="began",le="0.002"} 1.0' in text
    assert 'pixyz_job_hop_seconds_count{hop="waited"}' in text
