"""Jobs that jobs have started, as the API tells them."""

import json
import re
import uuid
import xml.etree.ElementTree as ET

import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import Finish, Wait
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.workflow import list_of, result_of

DONE = Finish(JobState.SUCCESS)
FAILED = Finish(JobState.FAILURE, "script_error", "ValueError: <no>")


def child(api, parent, entrypoint, *after, root=None):
    options = JobOptions(entrypoint=entrypoint, compute_only=True, raw=True)
    job_id = JobId(str(uuid.uuid4()))
    family = {"parent": parent, "root": root or parent, "inputs_of": parent, "outputs_of": parent}
    assert api.families.start(Job(job_id, "custom", options, 0.0, after=after, **family)) == (not after)
    return job_id


def told(api, job_id, what="details"):
    return api.http.get(f"/jobs/{job_id}/{what}").json()


@pytest.fixture
def chain(api):
    """A job that waits for the second of two that it has started."""
    job_id = api.new_job(name="chain")
    api.claim(job_id)
    first = child(api, job_id, "read")
    second = child(api, job_id, "write", first)
    wait = Wait(result_of(second))
    assert api.records.commit(job_id, wait, lease=api.lease, wait_limit=600) is JobState.RUNNING
    return job_id, first, second


def test_a_job_and_its_sub_tasks_tell_of_each_other(api, chain):
    job_id, first, second = chain
    assert sorted(told(api, job_id)["children"]) == sorted([first, second])
    assert [told(api, first)[name] for name in ("parent", "root", "children")] == [job_id, job_id, []]
    assert told(api, second)["waiting_for"] == "the results of 1 job"


def test_who_waits_runs_and_its_progress_is_a_step_for_each_sub_task_that_ended(api, chain):
    job_id, first, _ = chain
    assert (told(api, job_id)["status"], told(api, job_id)["progress"]) == ("RUNNING", 0)
    api.claim(first)
    api.commit(first, DONE, result="1")
    details = told(api, job_id)
    assert details["progress"] == 50
    assert [step["info"] for step in details["steps"]] == [f"read {first[:8]}"]
    listed = next(job for job in api.http.get("/jobs").json()["jobs"] if job["uuid"] == job_id)
    assert (listed["status"], listed["progress"]) == ("RUNNING", 50)


def test_the_sweeper_of_the_api_ends_who_waits_where_no_worker_does(api, chain):
    job_id, first, second = chain
    for one in (first, second):
        while told(api, one)["status"] != "SUCCESS":
            if api.claim(one).verdict == "run":
                api.commit(one, DONE, result='{"of": "' + one + '"}')
    while told(api, job_id)["status"] == "RUNNING":
        pass
    details = told(api, job_id)
    assert (details["status"], details["result"], details["progress"]) == ("SUCCESS", {"of": second}, 100)


def test_the_graph_tells_nodes_and_edges(api, chain):
    job_id, first, second = chain
    api.claim(first)
    api.commit(first, FAILED)
    graph = told(api, job_id, "graph")
    assert (graph["root"], graph["complete"]) == (job_id, True)
    nodes = {node.pop("id"): node for node in graph["nodes"]}
    assert [nodes[each]["status"] for each in (first, second)] == ["FAILURE", "FAILURE"]
    assert nodes[first]["duration"] == round(nodes[first]["duration"], 3) >= 0
    assert (nodes[second]["duration"], nodes[second]["parent"], nodes[second]["entrypoint"]) == (None, job_id, "write")
    assert sorted(graph["edges"], key=lambda edge: edge["kind"]) == [
        {"from": job_id, "to": first, "kind": "starts"},
        {"from": first, "to": second, "kind": "then"},
    ]


def test_the_graph_is_drawn_as_mermaid(api, chain):
    job_id, *_ = chain
    answer = api.http.get(f"/jobs/{job_id}/graph", params={"format": "mermaid"})
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[0] == "flowchart LR"
    assert [line.strip() for line in lines if "->" in line] == ["n0 -.-> n1", "n1 --> n2"]
    assert any('n1["read<br/>PENDING on cpu"]:::PENDING' in line for line in lines)


def test_the_graph_is_drawn_as_a_picture_and_nothing_in_it_is_markup(api, chain):
    job_id, first, _ = chain
    api.claim(first)
    api.commit(first, FAILED)
    answer = api.http.get(f"/jobs/{job_id}/graph", params={"format": "svg"})
    assert answer.headers["content-type"] == "image/svg+xml"
    picture = ET.fromstring(answer.text)  # noqa: S314  (our own)
    texts = [text for element in picture.iter() if (text := (element.text or "").strip())]
    assert {"main", "read", "write"} <= set(texts)
    assert f"{first} ValueError: <no>" in texts


def test_a_job_without_sub_tasks_is_a_graph_of_one(api):
    job_id = api.new_job()
    assert len(told(api, job_id, "graph")["nodes"]) == 1
    assert "<svg" in api.http.get(f"/jobs/{job_id}/graph?format=svg").text


def test_a_graph_is_refused_in_words(api):
    assert api.http.get(f"/jobs/{uuid.uuid4()}/graph").status_code == 404
    answer = api.http.get(f"/jobs/{api.new_job()}/graph", params={"format": "png"})
    assert answer.status_code == 400
    assert re.search("json.*mermaid.*svg", json.dumps(answer.json()))


def test_a_deleted_job_takes_its_sub_tasks_with_it(api, chain):
    job_id, first, second = chain
    assert api.http.delete(f"/jobs/{job_id}").status_code == 204
    while any(api.http.get(f"/jobs/{each}").status_code != 404 for each in (first, second)):
        pass


def test_a_cancelled_job_ends_those_that_it_waits_for(api, chain):
    job_id, first, second = chain
    api.claim(first)
    assert api.http.post(f"/jobs/{job_id}/cancel").json()["status"] == "REVOKED"
    assert [told(api, each)["status"] for each in (first, second)] == ["STARTED", "REVOKED"]
    assert told(api, first)["cancelling"]


def test_celery_s_meta_names_parent_and_children(api, chain):
    job_id, first, second = chain
    meta = api.http.get(f"/backend/get_task_meta/{job_id}").json()
    assert sorted(meta["children"]) == sorted([[[first, None], None], [[second, None], None]])
    assert api.http.get(f"/backend/get_task_meta/{second}").json()["parent_id"] == job_id


def test_who_waits_for_several_gets_a_list(api):
    job_id = api.new_job()
    api.claim(job_id)
    parts = [child(api, job_id, "part") for _ in range(2)]
    api.records.commit(job_id, Wait(list_of(*map(result_of, parts))), lease=api.lease, wait_limit=600)
    for number, part in enumerate(parts):
        api.claim(part)
        api.commit(part, DONE, result=str(number))
    while told(api, job_id)["status"] == "RUNNING":
        pass
    assert told(api, job_id)["result"] == [0, 1]


def test_a_listing_shows_a_jobs_sub_tasks_or_none_at_all(api, chain):
    def listed(parent):
        return {job["uuid"] for job in api.http.get("/jobs", params={"parent": parent}).json()["jobs"]}

    job_id, first, second = chain
    assert listed(job_id) == {first, second}
    assert job_id in listed("none")
    assert not {first, second} & listed("none")
    assert api.http.get("/jobs", params={"parent": "x"}).status_code == 400
