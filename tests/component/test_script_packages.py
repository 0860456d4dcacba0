"""Scripts that name the packages they need: real environments, made by uv from packages of our own making."""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from pixyz_scheduler.worker.isolation.template import Template
from pixyz_scheduler.worker.provision.allowance import Allowance
from tests.component.conftest import ENVIRONMENT, NO_ENGINE
from tests.conftest import missing
from tests.fakes.wheels import sdist, wheel

ROOT = Path(__file__).parents[2]
GREETING = "import sys\nWORD = {word!r}\ndef main():\n    print('the program says ' + WORD)\n"


def script(*dependencies, body="import greeting\n    return greeting.WORD", more=""):
    lines = f"# /// script\n# dependencies = {json.dumps(dependencies)}\n{more}# ///\n"
    return f"{lines}\ndef main(pc, params):\n    {body}\n"


@pytest.fixture(scope="session", autouse=True)
def uv():
    if shutil.which("uv") is None:
        try:
            import uv  # noqa: F401
        except ImportError:
            missing("uv")


@pytest.fixture
def index(tmp_path):
    """A folder of packages, all that is there to be had."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, "greeting", "1.0", GREETING.format(word="hello"))
    wheel(folder, "greeting", "2.0", GREETING.format(word="good day"))
    return folder


@pytest.fixture(params=["fork", "spawn"])
def bench_with(request, tmp_path, index, bench_of):
    """A worker whose children are allowed this much."""
    made = []

    def make(how=request.param, *, ahead=1, environment=None, **allowed):
        allowance = Allowance(
            **{"dependencies": True, "environments": tmp_path / "environments", "environments_age": 3600.0, **allowed}
        )
        variables = {
            **ENVIRONMENT,
            **allowance.to_environment(),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(index),
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            **(environment or {}),
        }
        if how == "spawn":
            made.append(SpawnSlots(variables))
        else:
            template = Template(engine=NO_ENGINE, environment=variables)
            template.start()
            request.addfinalizer(template.close)
            made.append(ForkSlots(template, ahead=ahead))
        return bench_of(made[-1])

    yield make
    for slots in made:
        slots.close()


@pytest.fixture
def bench(bench_with):
    return bench_with()


def environments(tmp_path):
    folder = tmp_path / "environments"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


def test_a_script_gets_the_packages_it_names_and_its_log_says_how_long_that_took(bench, tmp_path):
    body = (
        "import greeting, subprocess, sys\n"
        "    said = subprocess.run(['greeting-says'], capture_output=True, text=True).stdout\n"
        "    print('begun', pc['entrypoint'], params)\n"
        "    return [greeting.WORD, said, sys.prefix, __name__, pc['task_id']]"
    )
    report = bench.run(script("greeting<2", body=body))
    assert report.state is JobState.SUCCESS, (report.error, report.traceback)
    word, said, prefix, name, task = json.loads(report.result)
    assert (word, said, name, task) == ("hello", "the program says hello\n", "script", report.job.id)
    assert prefix == str(tmp_path / "environments" / environments(tmp_path)[0])
    log = bench.log(report.job.id)
    assert "Packages: preparing greeting<2\n" in log
    assert "Packages: 1 prepared in " in log
    assert "begun main {}\n" in log
    again = bench.run(script("greeting<2"))
    assert "Packages: 1 found prepared in " in bench.log(again.job.id)
    assert len(environments(tmp_path)) == 1


def test_other_packages_are_another_environment(bench, tmp_path):
    words = [json.loads(bench.run(script(wanted)).result) for wanted in ("greeting<2", "greeting>=2", "Greeting >= 2")]
    assert words == ["hello", "good day", "good day"]
    assert len(environments(tmp_path)) == 2


def test_a_module_that_the_worker_has_loaded_already_comes_in_the_version_that_was_asked_for(bench, index):
    wheel(index, "celery", "99.0", "VERSION = 'not the one that the template has loaded'\ndef main(): pass\n")
    body = (
        "import celery, typing_extensions\n"
        "    from pixyz_scheduler.script.context import ProgramContext\n"
        "    return [celery.VERSION, isinstance(pc, ProgramContext)]"
    )
    report = bench.run(script("celery>=99", body=body))
    assert json.loads(report.result or "null") == ["not the one that the template has loaded", True], report.traceback


def test_what_the_worker_has_already_is_taken_as_it_is(bench, tmp_path):
    report = bench.run(script("celery>=5", "pixyz-scheduler>=99", "nix; sys_platform == 'vms'", body="return 1"))
    assert report.state is JobState.SUCCESS, report.error
    assert environments(tmp_path) == []


def test_without_leave_a_script_fails_with_the_setting_that_gives_it(bench_with, tmp_path):
    report = bench_with(dependencies=False).run(script("greeting>=1", "celery"))
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    assert report.error.startswith("script.py needs greeting>=1, which this worker does not have.")
    assert "SCRIPT_DEPENDENCIES=allow" in report.error
    assert environments(tmp_path) == []


def test_another_python_is_refused_with_both_named(bench):
    report = bench.run(script("greeting", more='# requires-python = ">=3.99"\n'))
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    here = f"Python {platform.python_version()}"
    assert report.error == f"script.py asks for Python >=3.99 (requires-python); here it runs on {here}."


def test_packages_that_nobody_has_are_the_scripts_failure_in_uvs_words(bench, tmp_path):
    report = bench.run(script("nobody-has-this>=3"))
    assert (report.state, report.cause, report.retries) == (JobState.FAILURE, "script_error", 0)
    assert report.error.startswith("The script's packages (nobody-has-this>=3) cannot be prepared: ")
    assert "nobody-has-this was not found" in report.traceback
    assert environments(tmp_path) == []


def test_a_build_that_fails_leaves_nothing_and_is_told_with_its_own_last_lines(bench, index, tmp_path):
    sdist(index, "stubborn", "1.0", "raise RuntimeError('I will not be built')")
    report = bench.run(script("stubborn"))
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    assert "I will not be built" in report.traceback
    assert "I will not be built" in bench.log(report.job.id)
    assert environments(tmp_path) == []


def test_an_index_that_is_away_is_tried_again_and_costs_the_script_nothing(bench_with):
    away = {"UV_OFFLINE": "0", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    bench = bench_with(environment=away)
    job_id = bench.submit(script("not-here"))
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.cause, report.queue) == (JobState.RETRY, "infrastructure", "cpu")
    assert report.error.startswith("The script's packages cannot be fetched now: ")
    assert report.tally.crashes == 0


def test_uv_that_is_not_there_is_said_with_what_to_do(bench_with, tmp_path):
    blind = tmp_path / "blind"
    blind.mkdir()
    (blind / "uv.py").write_text("def find_uv_bin():\n    raise FileNotFoundError\n")
    report = bench_with(environment={"PYTHONPATH": f"{blind}:{ENVIRONMENT['PYTHONPATH']}"}).run(script("greeting"))
    assert report.state is JobState.FAILURE
    assert 'pip install "pixyz-scheduler[packages]"' in report.error


def test_many_jobs_that_ask_at_once_make_one_environment(bench_with, tmp_path, index):
    made = tmp_path / "made"
    sdist(
        index,
        "counted",
        "1.0",
        f"open({str(made)!r}, 'a').write('x')\n"
        "with zipfile.ZipFile(os.path.join(folder, 'counted-1.0-py3-none-any.whl'), 'w') as archive:\n"
        "    archive.writestr('counted.py', '')\n"
        "    info = 'counted-1.0.dist-info/'\n"
        "    archive.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: counted\\nVersion: 1.0\\n')\n"
        "    archive.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "    archive.writestr(info + 'RECORD', '')\n"
        "return 'counted-1.0-py3-none-any.whl'",
    )
    bench = bench_with(ahead=4)
    jobs = [bench.submit(script("counted", body="import counted\n    return 1")) for _ in range(4)]
    threads = [threading.Thread(target=bench.execution.run, args=(job,), kwargs={"queue": "cpu"}) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports = [bench.records.report(job) for job in jobs]
    assert [report.state for report in reports] == [JobState.SUCCESS] * 4, [report.error for report in reports]
    assert len(environments(tmp_path)) == 1
    logs = [bench.log(job) for job in jobs]
    assert sum("Packages: 1 prepared in " in log for log in logs) == 1
    assert sum("Packages: 1 found prepared in " in log for log in logs) == 3
    assert made.read_text() == "x"


HANGS = "import time\nopen({mark!r}, 'w').close()\ntime.sleep(600)"


def test_the_time_that_packages_take_is_not_the_scripts_own(bench, index):
    sdist(index, "slow", "1.0", "import time\ntime.sleep(3)\nraise RuntimeError('built after all')")
    report = bench.run(script("slow"), time_limit=1.0, no_progress_limit=1.0)
    assert (report.cause, "built after all" in report.traceback) == ("script_error", True)


def test_a_script_with_packages_has_its_own_time_limit_from_its_beginning(bench):
    report = bench.run(script("greeting", body="while True: pass"), queue="gpuhigh", time_limit=1.0)
    assert (report.state, report.cause) == (JobState.FAILURE, "timeout")


def test_packages_that_are_never_prepared_hinder_the_job_and_leave_nothing(bench_with, index, tmp_path):
    sdist(index, "endless", "1.0", HANGS.format(mark=str(tmp_path / "mark")))
    bench = bench_with()
    workshop = bench.execution.start.__self__
    hasty = replace(bench.execution, start=replace(workshop, preparation=3.0).run)
    job_id = bench.submit(script("endless"))
    hasty.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.cause, report.tally.crashes) == (JobState.RETRY, "infrastructure", 0)
    assert report.error == "The job was not prepared in 3 s (PREPARATION_TIME_LIMIT)."
    assert [name for name in environments(tmp_path) if not name.startswith(".")] == []


def test_a_cancel_ends_what_prepares_and_the_next_asker_makes_it_anew(bench, index, tmp_path):
    mark = tmp_path / "mark"
    sdist(index, "endless", "1.0", HANGS.format(mark=str(mark)))
    job_id = bench.submit(script("endless"))
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    pause = threading.Event()
    while not mark.exists():
        pause.wait(0.05)
    bench.records.cancel(job_id)
    thread.join()
    assert bench.records.report(job_id).state is JobState.REVOKED
    (index / "endless-1.0.tar.gz").unlink()
    wheel(index, "endless", "1.0", "")
    assert bench.run(script("endless", body="import endless\n    return 1")).state is JobState.SUCCESS
    assert len(environments(tmp_path)) == 1


def test_a_damaged_block_fails_with_its_line(bench):
    report = bench.run("# /// script\n# dependencies = [\n# ///\ndef main(): pass\n")
    assert report.state is JobState.FAILURE
    assert report.error.startswith("script.py, line 1: the block `# /// script` is not TOML")


def test_a_folder_that_cannot_be_written_hinders_and_is_named(bench_with, tmp_path):
    (tmp_path / "file").touch()
    bench = bench_with(environments=tmp_path / "file" / "below")
    job_id = bench.submit(script("greeting"))
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.cause) == (JobState.RETRY, "infrastructure")
    assert report.error.startswith(
        f"SCRIPT_ENVIRONMENTS is {tmp_path / 'file' / 'below'}: packages cannot be kept there"
    )


def test_environments_long_unused_are_removed_when_another_is_made(bench, tmp_path):
    bench.run(script("greeting<2"))
    (old,) = environments(tmp_path)
    os.utime(tmp_path / "environments" / old, (0, 0))
    (tmp_path / "environments" / f".{'0' * 32}-dead").mkdir()
    report = bench.run(script("greeting>=2"))
    assert f"Packages: removed {old}" in bench.log(report.job.id)
    assert len(environments(tmp_path)) == 1
    assert old not in environments(tmp_path)


def test_an_environment_in_use_is_not_removed(bench, tmp_path):
    body = (
        "import os, threading\n    open(pc.get_output_dir('at'), 'w').close()\n"
        "    while not os.path.exists({0!r}): threading.Event().wait(0.02)\n"
        "    import greeting\n    return greeting.WORD"
    )
    go = tmp_path / "go"
    job_id = bench.submit(script("greeting<2", body=body.format(str(go))))
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    pause = threading.Event()
    while not (bench.share.folder(job_id).outputs / "at").exists():
        pause.wait(0.02)
    (old,) = environments(tmp_path)
    os.utime(tmp_path / "environments" / old, (0, 0))
    bench.run(script("greeting>=2"))
    assert old in environments(tmp_path)
    go.touch()
    thread.join()
    assert json.loads(bench.records.report(job_id).result) == "hello"


SUB_TASKS = """# /// script
# dependencies = ["greeting<2"]
# ///
from pixyz_worker.script import *
import greeting


def word(pc, params):
    return [greeting.WORD, params]


@pixyz_schedule(wait=True, timeout=60)
def main(pc, params):
    return subtask_async([greeting.WORD], pc.clone().update(entrypoint="word", raw=True, compute_only=True))
"""


def test_a_script_with_packages_starts_sub_tasks_that_have_them_too(bench):
    report = bench.run(SUB_TASKS)
    bench.serve()
    report = bench.records.report(report.job.id)
    assert json.loads(report.result or "null") == ["hello", ["hello"]], (report.error, report.traceback)


HOLDS = """
    import fcntl, time
    lock = open(pc["output_dir"] + "/lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    pc.progress_next("holding")
    time.sleep(600)
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_job_with_packages_does_not_outlive_its_worker(isolation, index, tmp_path):
    (tmp_path / "script.py").write_text(script("greeting", body=HOLDS.strip()))
    environment = {**ENVIRONMENT, "UV_OFFLINE": "1", "UV_FIND_LINKS": str(index), "UV_CACHE_DIR": str(tmp_path / "uv")}
    parts = [ROOT / "tests" / "fakes" / "worker_parts.py", isolation, tmp_path / "script.py", tmp_path, tmp_path / "e"]
    command = [sys.executable, *map(str, parts)]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True)
    assert worker.stdout.readline() == b"at work\n"
    assert len(list((tmp_path / "e").glob("*.lock"))) == 1
    worker.kill()
    worker.communicate()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits until the script is gone


def test_a_script_that_names_nothing_pays_for_nothing(bench_with):
    late = "packaging tomllib tomli ssl http.client pixyz_scheduler.worker.provision.uv"
    source = f"import sys\ndef main(pc, params):\n    return [name for name in {late.split()} if name in sys.modules]\n"
    assert json.loads(bench_with("spawn").run(source).result) == []
