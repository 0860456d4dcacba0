"""The same work is not done twice: one worker's parts, on a real store and share."""

import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage import archive
from pixyz_scheduler.storage.results import LARGE

SCRIPT = """
import os
from pathlib import Path
from pixyz_worker.script import *

def main(pc, params):
    pc.progress_set_total(1)
    pc.progress_next("working")
    runs = Path(os.environ["HOME"], params["runs"])
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    os.makedirs(pc.get_output_dir("deep/er"))
    for name in ("out.txt", "deep/er/in.txt"):
        with open(pc.get_output_dir(name), "w") as file:
            file.write(f"{params.get('text')}")
    return {"text": params.get("text")}
"""


@pytest.fixture
def runs(tmp_path):
    """How often the script ran, as it says itself."""
    counter = Path("/tmp", f"runs-{tmp_path.parent.name}-{tmp_path.name}-{os.getpid()}")
    yield counter
    counter.unlink(missing_ok=True)


@pytest.fixture
def do(fork_bench, runs):
    """Run a job with the cache on; its report."""

    def run(source=SCRIPT, text="a", **options):
        params = json.dumps({"text": text, "runs": runs.name})
        options = {"cache": True, **options}
        job_id = fork_bench.submit(source, params=params, **options)
        fork_bench.execution.run(job_id, queue="cpu")
        return fork_bench.records.report(job_id)

    return run


def count(runs):
    return len(runs.read_text())


def outputs(bench, report):
    return bench.share.folder(report.job.id)


def test_the_second_job_is_answered_by_the_outputs_of_the_first(fork_bench, do, runs):
    first, second = do(), do()
    assert count(runs) == 1
    assert (first.state, first.cached_from) == (JobState.SUCCESS, None)
    assert (second.state, second.cached_from, second.result) == (JobState.SUCCESS, first.job.id, first.result)
    assert [step.info for step in second.progress.steps] == ["working"]
    one, two = outputs(fork_bench, first), outputs(fork_bench, second)
    assert two.list_outputs() == one.list_outputs() == ["deep/er/in.txt", "out.txt"]
    for name in two.list_outputs():
        assert two.output(name).stat().st_ino == one.output(name).stat().st_ino
        assert two.output(name).stat().st_nlink == 2
    assert archive.pack(two).read_bytes()[:2] == b"PK"
    assert fork_bench.log(second.job.id).strip() == (
        f"Not run: job {first.job.id} has done the same work, and its outputs are taken."
    )
    assert sorted(each.name for each in two.path.iterdir()) == ["archives", "inputs", "logs", "outputs"]


@pytest.mark.parametrize(
    "other",
    [
        {"source": SCRIPT + " "},
        {"text": "b"},
        {"raw": True},
        {"cache": False},
    ],
)
def test_work_that_differs_and_a_job_that_does_not_ask_are_done(do, runs, other):
    do()
    assert do(**other).cached_from is None
    assert count(runs) == 2


def test_what_did_not_ask_is_not_taken_either(do, runs):
    do(cache=False)
    assert do().cached_from is None
    assert count(runs) == 2


def test_what_was_sent_is_known_by_the_hashes_that_the_record_has(fork_bench, do, runs, client):
    params, reports = json.dumps({"text": "a", "runs": runs.name}), []
    for number in range(3):
        job_id = fork_bench.submit(SCRIPT, params=params, cache=True)
        client.hset(f"ps:job:{job_id}", "input_hashes", json.dumps({"script.py": f"as it was sent {number // 2}"}))
        fork_bench.execution.run(job_id, queue="cpu")
        reports.append(fork_bench.records.report(job_id))
    assert [report.cached_from for report in reports] == [None, reports[0].job.id, None]
    assert do().cached_from is None
    assert count(runs) == 3


def test_a_failure_is_done_again(do, runs):
    source = SCRIPT.replace("    return", "    raise ValueError()\n    return")
    assert do(source).state is JobState.FAILURE
    assert do(source).state is JobState.FAILURE
    assert count(runs) == 2


def test_who_has_taken_them_gives_them_when_the_first_job_is_gone(fork_bench, do, runs):
    first, second = do(), do()
    fork_bench.share.folder(first.job.id).remove()
    assert fork_bench.records.forget(first.job.id)
    third = do()
    assert count(runs) == 1
    assert third.cached_from == first.job.id
    assert outputs(fork_bench, third).output("out.txt").read_text() == "a"
    assert second.state is JobState.SUCCESS


def test_a_job_that_is_gone_or_is_being_removed_answers_no_other(fork_bench, do, runs, client):
    first = do()
    fork_bench.records.delete(first.job.id)
    second = do()
    assert second.cached_from is None
    for report in (first, second):
        fork_bench.share.folder(report.job.id).remove()
        assert fork_bench.records.forget(report.job.id)
    assert client.keys("ps:cache:*") == []
    assert do().cached_from is None
    assert count(runs) == 3


def rewrite(path):
    path.write_text("another")


def touch(path):
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("spoil", [rewrite, touch, Path.unlink], ids=["rewritten", "touched", "removed"])
def test_outputs_that_are_not_as_they_were_are_not_taken(fork_bench, do, runs, spoil):
    spoil(outputs(fork_bench, do()).output("out.txt"))
    second = do()
    assert (second.cached_from, count(runs)) == (None, 2)
    assert outputs(fork_bench, second).output("out.txt").read_text() == "a"
    assert outputs(fork_bench, second).output("out.txt").stat().st_nlink == 1


def test_a_result_that_names_its_own_job_is_true_of_that_job_alone(do, runs):
    source = SCRIPT.replace("    return {", '    return {"where": pc.get_output_dir("out.txt"), ')
    assert do(source).cached_from is None
    assert do(source).cached_from is None
    assert count(runs) == 2


def test_a_large_result_travels_too(fork_bench, do, runs):
    source = SCRIPT.replace("    return {", f'    return {{"much": "y" * {LARGE}, ')
    first, second = do(source), do(source)
    assert (count(runs), second.cached_from) == (1, first.job.id)
    assert second.result_file is not None
    results = fork_bench.execution.results
    assert results.text(second) == results.text(first)


def test_who_has_a_job_run_again_gets_it_run_and_nobody_elses_outputs_change(fork_bench, do, runs):
    first, second = do(), do()
    script = outputs(fork_bench, first).inputs / "script.py"
    script.write_text(SCRIPT.replace("file.write(", "file.write('again ' + ").replace("os.makedirs(pc", "print(pc"))
    assert fork_bench.records.run_again(first.job.id, queue="cpu") == "SENT"
    fork_bench.execution.run(first.job.id, queue="cpu")
    again = fork_bench.records.report(first.job.id)
    assert (again.state, again.cached_from, count(runs)) == (JobState.SUCCESS, None, 2)
    assert outputs(fork_bench, first).output("out.txt").read_text() == "again a"
    assert outputs(fork_bench, second).output("out.txt").read_text() == "a"


def test_a_job_that_took_its_outputs_can_be_run_again_as_well(fork_bench, do, runs):
    source = SCRIPT.replace("os.makedirs(pc", "(os.makedirs if params['text'] is None else print)(pc")
    source = source.replace('("out.txt", "deep/er/in.txt")', '("out.txt",)')
    first, second = do(source), do(source)
    fork_bench.share.folder(first.job.id).remove()
    fork_bench.records.forget(first.job.id)
    assert fork_bench.records.run_again(second.job.id, queue="cpu") == "SENT"
    fork_bench.execution.run(second.job.id, queue="cpu")
    again = fork_bench.records.report(second.job.id)
    assert (again.state, again.error, again.cached_from, count(runs)) == (JobState.SUCCESS, None, None, 2)


def test_while_a_job_runs_again_it_answers_no_other(fork_bench, do, runs):
    first = do()
    fork_bench.records.run_again(first.job.id, queue="cpu")
    assert do().cached_from is None
    assert count(runs) == 2


def test_a_job_whose_worker_died_after_it_had_taken_them_takes_them_again(fork_bench, do, runs):
    first = do()
    job_id = fork_bench.submit(SCRIPT, params=json.dumps({"text": "a", "runs": runs.name}), cache=True)
    cache = fork_bench.execution.start.__self__.cache
    took = []

    class Dying:
        def around(self, report, run, *, fit):
            took.append(cache.around(report, run, fit=fit))
            return replace(took[-1], outcome=Drained(), fields={})

    workshop = replace(fork_bench.execution.start.__self__, cache=Dying())
    replace(fork_bench.execution, start=workshop.run).run(job_id, queue="cpu")
    assert took[0].fields["cached_from"] == first.job.id
    assert fork_bench.records.report(job_id).state is JobState.RETRY
    fork_bench.execution.run(job_id, queue="cpu")
    second = fork_bench.records.report(job_id)
    assert (second.state, second.cached_from, count(runs)) == (JobState.SUCCESS, first.job.id, 1)


def test_a_job_that_only_computes_is_answered_by_its_result(do, runs):
    source = "import os\nfrom pathlib import Path\ndef main(pc, params):\n"
    source += "    runs = Path(os.environ['HOME'], params['runs'])\n"
    source += "    runs.write_text(runs.read_text() + 'x' if runs.exists() else 'x')\n    return [1]\n"
    first, second = do(source, compute_only=True), do(source, compute_only=True)
    assert (second.cached_from, second.result, count(runs)) == (first.job.id, "[1]", 1)


WORKFLOW = """
import os
from pathlib import Path
from pixyz_worker.script import *

def part(pc, params):
    with open(pc.get_output_dir("part.txt"), "w") as file:
        file.write("made by a sub-task")
    return 7

@pixyz_schedule(wait=True)
def main(pc, params):
    runs = Path(os.environ["HOME"], params["runs"])
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    return pixyz_execute.delay({}, pc.clone().update(entrypoint="part", raw=True, compute_only=True))
"""


def test_a_workflow_is_answered_with_what_its_sub_tasks_have_made(fork_bench, runs):
    reports = []
    for _ in range(2):
        params = json.dumps({"runs": runs.name})
        job_id = fork_bench.submit(WORKFLOW, params=params, queue="control", cache=True)
        fork_bench.execution.run(job_id, queue="control")
        fork_bench.serve()
        fork_bench.aftermath.follow()
        reports.append(fork_bench.records.report(job_id))
    first, second = reports
    assert (first.state, first.result, count(runs)) == (JobState.SUCCESS, "7", 1)
    assert (second.state, second.result, second.cached_from) == (JobState.SUCCESS, "7", first.job.id)
    assert outputs(fork_bench, second).output("part.txt").read_text() == "made by a sub-task"
    assert fork_bench.children(second.job.id) == []


SUB_TASKS = """
import os
from pathlib import Path
from pixyz_worker.script import *

@pixyz_schedule(cache=True)
def part(pc, params):
    runs = Path(os.environ["HOME"], params["runs"])
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    with open(pc.get_output_dir("part.txt"), "w") as file:
        file.write("made by a sub-task")
    return 7

@pixyz_schedule(wait=True)
def main(pc, params):
    return pixyz_execute.delay(params, pc.clone().update(entrypoint="part", raw=True))
"""


def test_a_sub_task_with_outputs_of_its_own_is_answered_too(fork_bench, runs):
    children = []
    for _ in range(2):
        job_id = fork_bench.submit(SUB_TASKS, params=json.dumps({"runs": runs.name}), queue="control")
        fork_bench.execution.run(job_id, queue="control")
        fork_bench.serve()
        fork_bench.aftermath.follow()
        assert fork_bench.records.report(job_id).result == "7"
        children += fork_bench.children(job_id)
    first, second = children
    assert (first.cached_from, second.cached_from, count(runs)) == (None, first.job.id, 1)
    assert outputs(fork_bench, second).list_outputs() == ["part.txt"]


def test_a_process_that_changed_or_what_it_may_import_is_run(fork_bench, tmp_path, runs):
    process = SCRIPT.replace("from pathlib", "import helper\nfrom pathlib")
    (tmp_path / "mine.py").write_text(process)
    (tmp_path / "helper.py").write_text("")
    taken = []
    for text in ("", "", "# better", "# better"):
        (tmp_path / "helper.py").write_text(text)
        job_id = JobId(str(uuid.uuid4()))
        fork_bench.share.make_folder(job_id)
        params = json.dumps({"text": "a", "runs": runs.name})
        assert fork_bench.records.submit(Job(job_id, "mine", JobOptions(cache=True), 0.0, params=params))
        fork_bench.execution.run(job_id, queue="cpu")
        report = fork_bench.records.report(job_id)
        assert report.state is JobState.SUCCESS, report.error
        taken.append(report.cached_from is not None)
    assert (taken, count(runs)) == ([False, True, False, True], 2)


def test_a_shared_input_that_another_job_changed_is_known_by_what_is_in_it(fork_bench):
    source = "def main(pc, params):\n    return open(pc.get_input_file(), 'rb').read(5).decode()\n"
    data = b"first" * 300_000

    def submitted(**options):
        job_id = JobId(str(uuid.uuid4()))
        with fork_bench.share.incoming() as incoming:
            files = [incoming.create(kind, name) for kind, name in (("script", "script.py"), ("input", "part.bin"))]
            for file, content in zip(files, (source.encode(), data), strict=True):
                file.write(content)
                file.close()
            shared = files[1:] if options.get("deduplicate") else []
            fork_bench.share.content.adopt(incoming, job_id, shared)
        job = Job(job_id, "custom", JobOptions(cache=True, **options), submitted=0.0, script="script.py")
        hashes = {file.name: file.sha256 for file in files}
        assert fork_bench.records.submit(replace(job, input_file="part.bin", input_hashes=hashes))
        return job_id

    def run(job_id):
        fork_bench.execution.run(job_id, queue="cpu")
        return fork_bench.records.report(job_id)

    waiting, plain = submitted(deduplicate=True), submitted()
    shared = fork_bench.share.folder(waiting).inputs / "part.bin"
    shared.chmod(0o640)
    with shared.open("r+b") as file:  # as the script of another job that shares it
        file.write(b"other")
    assert json.loads(run(waiting).result) == "other"
    report = run(plain)
    assert (report.cached_from, json.loads(report.result)) == (None, "first")
