"""The corpus in tests/scripts: what a user sees of scripts that go wrong, under either isolation."""

import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pixyz_scheduler.api.schemas import JobDetails
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.share import Share

FOLDER = Path(__file__).parents[1] / "scripts"
MIB = 1024
HELLO = "def main(pc, params):\n    return 1\n"

# script: options, then what JobDetails says: status, cause, and words of its error or its result
TABLE = {
    "segfault": ({}, "FAILURE", "signal", "signal 11 (SIGSEGV)"),
    "aborts": ({}, "FAILURE", "signal", "signal 6 (SIGABRT)"),
    "leaves_with_3": ({}, "FAILURE", "exit", "Task process exited with error: exit status 3."),
    "leaves_with_0": ({}, "FAILURE", "exit", "exit status 0 before it returned a result"),
    "becomes_another_program": ({}, "FAILURE", "exit", "exit status 0 before it returned a result"),
    "exits_at_import": ({}, "FAILURE", "exit", "exit status 7"),
    "loops": ({"time_limit": 1.0}, "FAILURE", "timeout", "it took longer than 1 s"),
    "deaf": ({"time_limit": 1.0}, "FAILURE", "timeout", "it took longer than 1 s"),
    "stops_itself": ({"time_limit": 1.0}, "FAILURE", "timeout", "it took longer than 1 s"),
    "silent": ({"no_progress_limit": 1.0}, "FAILURE", "no_progress", "told no progress for 1 s"),
    "talkative": ({"no_progress_limit": 1.0}, "SUCCESS", None, "done"),
    "fork_bomb": ({"time_limit": 2.0}, "FAILURE", "timeout", "it took longer than 2 s"),
    "hoards": ({}, "FAILURE", "out_of_memory", "Out of memory: "),
    "overflows": ({}, "FAILURE", "signal", "signal 11 (SIGSEGV)"),
    "unserialisable": ({}, "FAILURE", "script_error", 'result["parts"][0]["mesh"] is of type object'),
    "nan": ({}, "FAILURE", "script_error", 'result["sizes"][1] is nan'),
    "large_result": ({}, "SUCCESS", None, "x" * 50_000_000),
    "too_large_result": ({}, "FAILURE", "script_error", "longer than 67108864 bytes"),
    "deletes_its_folder": ({}, "SUCCESS", None, "deleted"),
    "links_out": ({}, "SUCCESS", None, None),
    "kills_its_parent": ({"time_limit": 20.0}, "FAILURE", "signal", "signal 9 (SIGKILL)"),
    "kills_its_group": ({}, "FAILURE", "signal", "signal 9 (SIGKILL)"),
    "closes_its_line": ({}, "FAILURE", "exit", "Task process exited with error: exit status"),
    "lies_in_its_line": ({}, "FAILURE", "script_error", "The script wrote into the scheduler's own channel"),
    "raises_a_book": ({}, "FAILURE", "script_error", "no such part no such part"),
}
# Told of in tests of their own.
OTHERS = {"scatters", "daemon", "prints_a_gigabyte"}


def source(name):
    return (FOLDER / f"{name}.py").read_text()


def test_every_script_of_the_corpus_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == TABLE.keys() | OTHERS


@pytest.mark.parametrize("name", TABLE)
def test_what_a_user_sees_of_a_bad_script_and_the_next_job_runs(bench_of, slots, name):
    options, status, cause, words = TABLE[name]
    bench = bench_of(slots, memory_gpuhigh=500 * MIB if name == "hoards" else 0)
    report = bench.run(source(name), queue="gpuhigh", **options)
    details = JobDetails.of(replace(report, result=Results(bench.share).text(report)))
    assert (details.status, details.cause) == (status, cause)
    assert (words or "") in (details.error or details.result or "")
    assert [attempt.outcome for attempt in details.attempts] == [cause or "success"]
    assert bench.run(HELLO).state is JobState.SUCCESS


def test_a_daemon_ends_with_its_job(bench):
    report = bench.run(source("daemon"))
    assert report.state is JobState.SUCCESS
    assert not psutil.pid_exists(json.loads(report.result))


def test_a_gigabyte_of_output_is_cut_and_the_worker_stays_as_it_is(bench_of, slots):
    bench = bench_of(slots, log_limit=1 << 20)
    assert bench.run(HELLO).state is JobState.SUCCESS
    before = psutil.Process().memory_info().rss
    report = bench.run(source("prints_a_gigabyte"), time_limit=120.0)
    assert (report.state, report.result) == (JobState.SUCCESS, '"printed"')
    assert psutil.Process().memory_info().rss - before < 64 << 20
    log = bench.share.folder(report.job.id).log_path(1)
    assert 1 << 20 < log.stat().st_size < (1 << 20) + 200
    text = log.read_text()
    assert f"[... {(1 << 30) + 14 - (1 << 20)} bytes are left out here" in text
    assert text.endswith("x\nthe last line\n")


def test_links_that_a_script_puts_among_its_outputs_lead_nowhere(bench):
    report = bench.run(source("links_out"))
    folder = Share(bench.share.root).folder(report.job.id)
    assert [str(path) for path in folder.list_outputs()] == ["own.txt"]


def test_a_job_that_needs_more_memory_gets_it_on_gpuhigh(bench_of, slots):
    bench = bench_of(slots, memory=200 * MIB, memory_gpuhigh=1000 * MIB)
    job_id = bench.submit("def main(pc, params):\n    return len(bytearray(500 << 20))\n")
    bench.execution.run(job_id, queue="cpu")
    first = bench.records.report(job_id)
    assert (first.state, first.queue, first.cause) == (JobState.RETRY, "gpuhigh", "out_of_memory")
    report = bench.execution.run(job_id, queue="gpuhigh")
    assert (report.state, report.result, report.retries) == (JobState.SUCCESS, str(500 << 20), 1)
    assert report.attempts[-1]["peak_memory"] > 500 * MIB
