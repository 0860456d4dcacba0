"""GET /jobs: pages of jobs, newest first, and what may be asked of them."""

import uuid

import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState


@pytest.fixture(scope="module")
def many(api):
    """1000 jobs, one a second from 1000 s on; the API's own clock plays no part."""
    job_ids = []
    for number in range(1000):
        api.records.now_ms = 1_000_000 + number * 1000
        job_id = JobId(str(uuid.uuid4()))
        queue = "gpu" if number % 100 == 0 else "cpu"
        job = Job(job_id, "sleep", JobOptions(queue=queue), submitted=0.0, name=f"job {number % 4}")
        api.records.submit(job)
        job_ids.append(job_id)
    api.claim(job_ids[7])
    api.commit(job_ids[7], Finish(JobState.FAILURE, "script_error", "ValueError: 7"))
    yield job_ids
    api.records.now_ms = 0


def jobs(api, **asked):
    answer = api.http.get("/jobs", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page):
    return [job["uuid"] for job in page["jobs"]]


def test_the_newest_hundred_come_first(api, many):
    page = jobs(api)
    assert ids(page) == many[:-101:-1]
    assert set(page) == {"jobs", "cursor"}
    assert set(page["jobs"][0]) == {"uuid", "name", "status", "progress", "error", "process", "queue"}


def test_the_cursor_leads_through_all_of_them_once(api, many):
    seen, cursor = [], None
    while True:
        page = jobs(api, limit=130, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == many[::-1]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("limit", [1, 1000])
def test_a_page_has_as_many_as_asked_for(api, limit):
    assert len(jobs(api, limit=limit)["jobs"]) == limit


@pytest.mark.parametrize(
    ("asked", "which"),
    [
        ({"queue": "gpu"}, slice(None, None, 100)),
        ({"name": "job 3"}, slice(3, None, 4)),
        ({"name": "job 0", "queue": "gpu"}, slice(None, None, 100)),
        ({"name": "job 1", "queue": "gpu"}, slice(0)),
        ({"status": "FAILURE"}, slice(7, 8)),
        ({"status": "failure"}, slice(7, 8)),
        ({"status": "RUNNING"}, slice(0)),
        ({"since": "1990"}, slice(990, None)),
        ({"since": "1990.5"}, slice(991, None)),
        ({"since": "1970-01-01T00:33:10Z"}, slice(990, None)),
        ({"since": "1970-01-01T01:33:10+01:00"}, slice(990, None)),
        ({"since": "1970-01-01 00:33:10"}, slice(990, None)),
        ({"since": "2970-01-01"}, slice(0)),
        ({"status": "", "name": "", "queue": "", "since": "", "cursor": ""}, slice(None)),
    ],
)
def test_jobs_are_asked_for_by_what_they_are(api, many, asked, which):
    assert ids(jobs(api, limit=1000, **asked)) == many[which][::-1]


def test_a_plus_that_arrives_as_a_blank_is_an_offset_all_the_same(api, many):
    answer = api.http.get("/jobs?since=1970-01-01T01:33:10+01:00")
    assert ids(answer.json()) == many[990:][::-1]


@pytest.mark.usefixtures("many")
def test_a_failed_job_tells_its_error_in_the_list(api):
    (job,) = jobs(api, status="FAILURE")["jobs"]
    assert job["error"] == "ValueError: 7"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"limit": "0"}, "limit is '0': Input should be greater than or equal to 1."),
        ({"limit": "1001"}, "limit is '1001': Input should be less than or equal to 1000."),
        ({"limit": "all"}, "limit is 'all': Input should be a valid integer"),
        ({"status": "DONE"}, "status is 'DONE': Input should be 'SENT', 'PENDING'"),
        ({"since": "yesterday"}, "since is 'yesterday': it must be a time such as"),
        ({"since": "nan"}, "since is 'nan'"),
        ({"since": "inf"}, "since is 'inf'"),
        ({"since": "9" * 400}, "since is '999"),
        ({"cursor": "x"}, "cursor is 'x': it must be the cursor of a page"),
        ({"cursor": "nan:x"}, "cursor is 'nan:x'"),
        ({"cursor": f"1_0:{uuid.uuid4()}"}, "cursor is '1_0"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(api, asked, words):
    answer = api.http.get("/jobs", params=asked)
    assert answer.status_code == 400
    assert answer.json()["detail"]["details"].startswith(words)
