"""W3C Trace Context where the API itself makes no traces: what a request says of its own stays with the job."""

import pytest

from pixyz_scheduler.jobs.trace import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
SCRIPT = {"script": ("a.py", b"def main(pc, params):\n    pass\n")}


def trace_of(api, headers):
    answer = api.http.post("/jobs", files=SCRIPT, headers=headers)
    assert answer.status_code == 200, answer.text
    return api.records.report(answer.json()["uuid"]).job.trace


def test_the_trace_of_a_request_is_kept_with_its_job_and_on_the_share(api):
    answer = api.http.post("/jobs", files=SCRIPT, headers={"traceparent": PARENT, "tracestate": "theirs=1"})
    uuid = answer.json()["uuid"]
    assert api.records.report(uuid).job.trace == TraceContext(TRACE, SPAN, 1, "theirs=1")
    assert api.http.get(f"/jobs/{uuid}/details").json()["trace_id"] == TRACE
    assert PARENT in (api.share.folder(uuid).path / ".state" / "job.json").read_text()


def test_a_record_of_a_request_without_one_says_nothing_of_it(api):
    record = api.records.record(api.new_job())
    assert not {"traceparent", "tracestate"} & record.keys()


@pytest.mark.parametrize(
    "headers",
    [
        {"tracestate": "theirs=1"},
        {"traceparent": "nonsense", "tracestate": "theirs=1"},
        [("traceparent", PARENT), ("traceparent", PARENT)],
    ],
    ids=["state alone", "nonsense", "two"],
)
def test_a_bad_one_is_left_aside_and_the_job_is_taken(api, headers):
    assert trace_of(api, headers) is None


def test_several_states_are_one_list(api):
    headers = [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]
    assert trace_of(api, headers).state == "a=1,b=2"


def test_a_second_run_goes_on_in_the_same_trace(api):
    uuid = api.http.post("/jobs", files=SCRIPT, headers={"traceparent": PARENT}).json()["uuid"]
    api.http.post(f"/jobs/{uuid}/cancel")
    assert api.http.post(f"/jobs/{uuid}/retry").status_code == 200
    assert api.records.report(uuid).job.trace == TraceContext(TRACE, SPAN, 1)
