"""Large results: in a file of the job's folder, a reference in the record, and nothing left where none must be."""

import json
import threading

import pytest

from pixyz_scheduler.errors import RecordError
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.report import JobReport, new_record
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.results import LARGE, Results
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import StateFiles
from pixyz_scheduler.upkeep.mirror import Mirror
from pixyz_scheduler.upkeep.reconcile import Reconcile

JOB = JobId("00000000-0000-4000-8000-000000000001")
RETURNS = "def main(pc, params):\n    return {'text': 'ü' * params['size']}\n"


@pytest.fixture
def results(tmp_path):
    share = Share(tmp_path)
    share.make_folder(JOB)
    return Results(share, large=100)


def text_of(size):
    return json.dumps("x" * (size - 2))


def report_of(job_id=JOB, state="SUCCESS", **fields):
    record = new_record(Job(job_id, "custom", JobOptions(), submitted=0.0))
    return JobReport.from_record(job_id, {**record, "submitted": "0", "queue": "cpu", "state": state, **fields})


@pytest.mark.parametrize("size", [3, 99, 100, 101, 5000])
def test_a_result_is_read_back_wherever_it_lies(results, size):
    name = results.keep(JOB, text_of(size), attempt=1)
    assert (name is None) == (size < 100)
    kept = {"result_file": name} if name else {"result": text_of(size)}
    assert results.text(report_of(**kept)) == text_of(size)


def test_a_result_is_measured_by_its_bytes(results):
    assert results.keep(JOB, json.dumps("ü" * 50, ensure_ascii=False), attempt=1) == "result-1.json"
    assert results.text(report_of(result_file="result-1.json")) == json.dumps("ü" * 50, ensure_ascii=False)


@pytest.mark.parametrize("state", ["SENT", "RUNNING", "RETRY", "FAILURE", "REVOKED"])
def test_what_an_earlier_run_has_left_in_the_record_is_no_result(state):
    assert report_of(state=state, result_file="result-1.json").result_file is None
    assert report_of(result="1", result_file="result-1.json").result_file is None


def test_an_attempt_writes_under_its_own_name_and_removes_what_came_before(results):
    files = results.share.folder(JOB).path / ".state"
    results.keep(JOB, text_of(200), attempt=1)
    results.keep(JOB, text_of(201), attempt=2)
    assert [path.name for path in files.iterdir()] == ["result-2.json"]
    # One that has lost its lease and comes late harms nothing that came after.
    results.keep(JOB, text_of(202), attempt=1)
    assert results.text(report_of(result_file="result-2.json")) == text_of(201)
    results.keep(JOB, "1", attempt=3)
    assert list(files.iterdir()) == []


@pytest.mark.parametrize("name", ["../../other/.state/result-1.json", "/etc/passwd", "final.json", "result-1.json", ""])
def test_a_name_that_is_none_of_ours_or_a_file_that_is_gone_is_told(results, name):
    with pytest.raises(RecordError, match=f"result of job {JOB} is gone"):
        results.read(JOB, name)


def test_a_link_in_its_place_is_not_followed(results, tmp_path):
    (tmp_path / "secret").write_text("1")
    state = results.share.folder(JOB).path / ".state"
    state.mkdir()
    (state / "result-1.json").symlink_to(tmp_path / "secret")
    with pytest.raises(RecordError, match="cannot be read"):
        results.read(JOB, "result-1.json")


def test_a_large_result_leaves_a_reference_in_the_record_and_no_output(fork_bench):
    bench = fork_bench
    job_id = bench.submit(RETURNS, params=json.dumps({"size": LARGE}))
    bench.execution.run(job_id, queue="cpu")
    record = bench.records.record(job_id)
    assert (record["state"], record.get("result"), record["result_file"]) == ("SUCCESS", None, "result-1.json")
    assert sum(len(value) for value in record.values()) < 5000
    assert json.loads(Results(bench.share).text(bench.records.report(job_id))) == {"text": "ü" * LARGE}
    assert bench.share.folder(job_id).list_outputs() == []


def test_a_small_one_stays_in_the_record(fork_bench):
    report = fork_bench.run("def main(pc, params):\n    return 'x' * 1000\n")
    assert (report.result, report.result_file) == (json.dumps("x" * 1000), None)


def test_a_job_without_a_folder_gets_one_for_it(fork_bench):
    source = """
import os, shutil
def main(pc, params):
    shutil.rmtree(os.path.dirname(pc["output_dir"]))
    return "x" * (1 << 20)
"""
    report = fork_bench.run(source)
    assert report.state is JobState.SUCCESS, report.error
    assert json.loads(Results(fork_bench.share).text(report)) == "x" * (1 << 20)


def test_a_link_in_the_place_of_its_folder_is_the_scripts_own_fault(fork_bench, tmp_path):
    source = f"""
import os, shutil
def main(pc, params):
    state = os.path.join(os.path.dirname(pc["output_dir"]), ".state")
    os.symlink({str(tmp_path)!r}, state)
    return "x" * (1 << 20)
"""
    report = fork_bench.run(source)
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    assert "The result cannot be kept" in report.error
    assert not (tmp_path / "result-1.json").exists()


def test_run_again_it_shows_the_new_result_only(fork_bench):
    bench = fork_bench
    source = """
import os
def main(pc, params):
    path = pc.get_output_dir("been here")
    if os.path.exists(path):
        return "small"
    open(path, "w").close()
    return "x" * (1 << 20)
"""
    job_id = bench.submit(source)
    bench.execution.run(job_id, queue="cpu")
    bench.records.run_again(job_id, queue="cpu")
    waiting = bench.records.report(job_id)
    assert (waiting.result, waiting.result_file) == (None, None)
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.result, report.result_file) == ('"small"', None)
    assert not (bench.share.folder(job_id).path / ".state" / "result-1.json").exists()


def test_it_survives_the_loss_of_the_store(fork_bench, client):
    bench = fork_bench
    job_id = bench.submit(RETURNS, params=json.dumps({"size": LARGE}))
    bench.execution.run(job_id, queue="cpu")
    Mirror(bench.records, bench.share).write(job_id)
    mirrored = StateFiles(bench.share.folder(job_id)).read("final.json")
    assert len(mirrored) < 5000
    client.flushall()
    findings = Reconcile(records=bench.records, dispatch=bench.bells, share=bench.share, dry_run=False).run()
    assert [(finding.job_id, finding.what) for finding in findings] == [(job_id, "SUCCESS")]
    assert json.loads(Results(bench.share).text(bench.records.report(job_id))) == {"text": "ü" * LARGE}


WORKFLOW = """
from pixyz_worker.script import *

def step(pc, name):
    return pc.clone().update(entrypoint=name, raw=True, compute_only=True)

def large(pc, params):
    return "x" * (2 << 20)

def doubled(pc, params):
    return params + params

@pixyz_schedule(wait=True, timeout=60)
def main(pc, params):
    return chain(pixyz_execute.s({}, step(pc, "large")), pixyz_execute.s(pc=step(pc, "doubled")))()
"""


def test_in_a_workflow_it_goes_on_to_the_next_and_to_the_parent(fork_bench):
    bench = fork_bench
    job_id = bench.run(WORKFLOW).job.id
    bench.serve()
    report = bench.records.report(job_id)
    assert report.state is JobState.SUCCESS, report.traceback or report.error
    kept = Results(bench.share)
    assert json.loads(kept.text(report)) == "x" * (4 << 20)
    reports = [report, *bench.children(job_id)]
    assert [each.result for each in reports] == [None] * 3
    assert sorted(len(kept.text(each)) for each in reports) == [(2 << 20) + 2, (4 << 20) + 2, (4 << 20) + 2]


def test_a_script_that_asks_for_the_result_of_a_sub_task_gets_it_whole(fork_bench):
    source = (
        WORKFLOW.split("@pixyz_schedule", maxsplit=1)[0]
        + """
def main(pc, params):
    with pc.allow_join_result():
        started = pixyz_execute.delay({}, step(pc, "large"))
        return len(started.get(timeout=30))
"""
    )
    bench = fork_bench
    job_id = bench.submit(source)
    waits = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    waits.start()
    while waits.is_alive():
        bench.serve()
    report = bench.records.report(job_id)
    assert (report.state, report.result) == (JobState.SUCCESS, str(2 << 20)), report.traceback


def test_a_parent_whose_sub_tasks_result_is_gone_ends_all_the_same(fork_bench, monkeypatch):
    bench = fork_bench
    job_id = bench.run(WORKFLOW).job.id
    settle = bench.aftermath.settle
    # As though nobody had come to it: the sweeper will.
    monkeypatch.setattr(bench.aftermath, "settle", lambda _: False)
    bench.serve()
    assert not bench.records.report(job_id).state.is_terminal
    for path in bench.share.root.glob("*/.state/result-1.json"):
        path.unlink()
    assert settle(job_id)
    report = bench.records.report(job_id)
    assert (report.state, report.cause) == (JobState.FAILURE, "child_failed")
    assert "is gone: it lay in .state/result-1.json" in report.error
