"""Scripts and inputs that broke other schedulers, in real children, both ways of isolation."""

import io
import json
import tarfile
import tempfile
import uuid
import zipfile
from pathlib import Path

import psutil
import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState

LOOK = "def main(pc, params):\n    return pc.get_input_file()\n"


@pytest.mark.parametrize(
    ("code", "cause", "error"),
    [
        ("import sys; sys.exit(7)", "exit", "exit status 7"),
        ("import sys; sys.exit(0)", "script_error", "sys.exit(0) before returning a result"),
        ("import ctypes; ctypes.string_at(0)", "signal", "SIGSEGV"),
        ("while True: pass", "timeout", "it took longer than 1 s"),
    ],
)
def test_code_at_module_level_runs_in_the_child_alone_within_the_jobs_limits(bench, code, cause, error):
    report = bench.run(f"{code}\n\ndef main(pc, params): pass\n", queue="gpuhigh", time_limit=1.0)
    assert (report.state, report.cause) == (JobState.FAILURE, cause)
    assert error in report.error
    assert bench.run("def main(pc, params): return 1\n").state is JobState.SUCCESS


def test_a_retry_after_a_timeout_has_the_larger_of_its_own_limit_and_the_retrys(bench):
    """The bench's PIXYZ_RETRY_TIME_LIMIT is 60 s."""
    source = (
        "import time\ndef main(pc, params):\n    if not pc['retry']: time.sleep(600)\n    return pc['time_limit']\n"
    )
    job_id = bench.submit(source, time_limit=1.0)
    bench.execution.run(job_id, queue="cpu")
    report = bench.execution.run(job_id, queue="gpuhigh")
    assert (report.state, report.result, report.retries) == (JobState.SUCCESS, "60", 1)


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        ("raise ValueError('no such part')", "ValueError: no such part"),
        ("import os; os._exit(3)", "exit status 3"),
        ("import time; time.sleep(600)", "it took longer than 2 s"),
        ("return b'x'", "result is of type bytes"),
        ("return float('nan')", "result is nan"),
        ("return '\\ud800'", "result has a lone surrogate"),
    ],
)
def test_a_failed_job_keeps_its_steps_progress_and_times(bench, ending, error):
    source = (
        "def main(pc, params):\n    pc.progress_set_total(4)\n"
        f"    pc.progress_next('read')\n    pc.progress_next('write')\n    {ending}\n"
    )
    report = bench.run(source, queue="gpuhigh", time_limit=2.0)
    assert report.state is JobState.FAILURE
    assert error in report.error
    assert [step.info for step in report.progress.steps] == ["read", "write"]
    # Both steps have ended, as far as they came.
    assert all(step.duration >= 0 for step in report.progress.steps)
    assert report.percent is not None
    assert 0 < report.percent < 100
    assert report.job.submitted <= report.started <= report.stopped


def test_the_own_message_of_an_exception_of_two_arguments_is_the_jobs_error(bench):
    source = (
        "class Broken(Exception):\n    def __init__(self, part, why):\n        super().__init__(f'{part}: {why}')\n\n"
        "def main(pc, params):\n    raise Broken('bolt', 'no thread')\n"
    )
    assert bench.run(source).error == "Broken: bolt: no thread"


@pytest.mark.parametrize("ending", ["import os; os.abort()", "raise RuntimeError", "import os; os._exit(0)"])
def test_what_a_script_started_is_gone_after_a_crash_too(bench, ending):
    source = f"""
import subprocess, sys
def main(pc, params):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open(pc.get_output_dir("pid"), "w").write(str(child.pid))
    {ending}
"""
    report = bench.run(source, queue="gpuhigh")
    assert report.state is JobState.FAILURE
    assert not _is_alive(int((bench.share.folder(report.job.id).outputs / "pid").read_text()))


def test_builtins_that_a_script_breaks_are_whole_for_the_next_and_for_the_worker(bench):
    bench.run(
        "import builtins, json, sys\ndef main(pc, params):\n    del builtins.len; json.loads = None; sys.path[:] = []\n"
    )
    report = bench.run("import json\ndef main(pc, params):\n    return json.loads('[1]') + [len('ab')]\n")
    assert json.loads(report.result) == [1, 2]


def _tar(name):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    return packed.getvalue()


def _zeros(size):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.step", "w") as member:
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [("in.tar.gz", _tar("../../../evil.step")), ("in.tar.gz", _tar("/tmp/evil.step")), ("in.zip", _zeros(300 << 20))],
    ids=["tar up", "tar absolute", "zip of zeros"],
)
def test_a_hostile_archive_is_unpacked_by_the_child_and_ends_as_the_jobs_clear_error(bench, tmp_path, name, data):
    job_id = _submit_with_input(bench, LOOK, name, data)
    report = bench.execution.run(job_id, queue="cpu")
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    assert report.error.startswith(f"{name} ")
    assert [attempt["exit_code"] for attempt in report.attempts] == [1]
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/tmp/evil.step").exists()
    assert _left_in(tmp_path / "local") == []


def test_no_attempt_and_no_archive_leaves_a_copy_in_a_temporary_folder(bench, tmp_path):
    source = (
        "import tempfile\ndef main(pc, params):\n    open(tempfile.mkdtemp() + '/left', 'w').write('x')\n"
        "    open(pc.get_output_dir('out.bin'), 'wb').write(bytes(1000))\n    return pc.get_input_file()\n"
    )
    job_id = _submit_with_input(bench, source, "in.zip", _zeros(1 << 20))
    report = bench.execution.run(job_id, queue="cpu")
    assert report.state is JobState.SUCCESS, report.error
    assert report.result.endswith('/zeros.step"')
    options = JobOptions(queue="zip", compute_only=True)
    params = json.dumps({"share": str(bench.share.root), "job": job_id})
    chore = Job(JobId(str(uuid.uuid4())), "_archive", options, submitted=0.0, params=params)
    assert bench.records.submit(chore)
    assert bench.execution.run(chore.id, queue="zip").state is JobState.SUCCESS
    assert [path.name for path in bench.share.folder(job_id).archives.iterdir()] == [f"{job_id}.zip"]
    assert _left_in(tmp_path / "local") == []
    assert [path for path in Path(tempfile.gettempdir()).iterdir() if job_id in path.name] == []


def _submit_with_input(bench, source, name, data):
    job_id = JobId(str(uuid.uuid4()))
    with bench.share.incoming() as incoming:
        for kind, filename, content in (("script", "script.py", source.encode()), ("input", name, data)):
            with incoming.create(kind, filename) as file:
                file.write(content)
        incoming.adopt(job_id)
    job = Job(job_id, "custom", JobOptions(), submitted=0.0, script="script.py", input_file=name)
    assert bench.records.submit(job)
    return job_id


def _is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _left_in(local_root):
    """All but the empty workspaces that wait for the next job."""
    waiting = {path for ahead in local_root.glob("pixyz-attempt-ahead-*") for path in (ahead, ahead / "tmp")}
    return [path for path in local_root.rglob("*") if path not in waiting]
