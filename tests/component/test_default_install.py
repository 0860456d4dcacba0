"""What is there of an install: with no extra the client, which says what the rest needs; with three a scheduler."""

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pixyz_scheduler import extras
from tests.fakes.linked_python import linked_python, needed

ROOT = Path(__file__).resolve().parents[2]
WHOLE = 'pip install "pixyz-scheduler[server,worker,embedded]"'


@pytest.fixture(scope="module")
def thin(tmp_path_factory):
    return linked_python(tmp_path_factory.mktemp("thin") / "venv", "pixyz-scheduler")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return linked_python(tmp_path_factory.mktemp("whole") / "venv", "pixyz-scheduler[server,worker,embedded]")


@pytest.fixture
def run(tmp_path):
    def run(python, *arguments):
        return subprocess.run(
            [python, *arguments],
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_three_extras_run_a_job_on_a_store_of_their_own(whole, run):
    done = run(whole, "-m", "pixyz_scheduler", "run", "sleep", "-p", '{"sleep": 0.01}')
    assert done.returncode == 0, done.stderr
    assert '"sleep": 0.01' in done.stdout


def test_they_say_how_to_get_the_engine(whole, run):
    done = run(whole, "-m", "pixyz_scheduler", "run", "convert_file", str(ROOT / "samples" / "box.stl"))
    assert done.returncode != 0
    assert 'pip install "pixyz-scheduler[open-engine]"' in done.stderr + done.stdout


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_client_alone_shows_its_commands(thin, run, option):
    done = run(thin, "-m", "pixyz_scheduler", option)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_client_alone_speaks_to_a_scheduler(thin, run):
    done = run(thin, "-m", "pixyz_scheduler", "-u", "http://127.0.0.1:9", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No scheduler answers at http://127.0.0.1:9")


def test_the_client_alone_can_be_imported_whole(thin, run):
    imports = "from pixyz_scheduler.client import AsyncSchedulerClient, SchedulerClient"
    assert run(thin, "-W", "error", "-c", imports).returncode == 0


@pytest.mark.parametrize(
    ("command", "whose", "install"),
    [
        ("up", "`up`", WHOLE),
        ("run sleep", "A scheduler of one's own", WHOLE),
        ("run sleep --local", "`run --local`", 'pip install "pixyz-scheduler[worker]"'),
        ("init", "`init`", WHOLE),
        ("api", "The API", 'pip install "pixyz-scheduler[server]"'),
        ("worker", "A worker", 'pip install "pixyz-scheduler[worker]"'),
        ("worker --no-watchdog", "A worker", 'pip install "pixyz-scheduler[worker]"'),
        ("admin reconcile --dry-run", "This", 'pip install "pixyz-scheduler[worker]"'),
        ("admin stats", "This", 'pip install "pixyz-scheduler[worker]"'),
        ("admin tasks", "This", 'pip install "pixyz-scheduler[worker]"'),
        ("admin queue", "This", 'pip install "pixyz-scheduler[worker]"'),
        ("admin workers", "This", 'pip install "pixyz-scheduler[worker]"'),
        ("admin drain --all", "This", 'pip install "pixyz-scheduler[worker]"'),
        ("stats", "This", 'pip install "pixyz-scheduler[worker]"'),
    ],
)
def test_the_client_alone_says_in_one_line_what_the_rest_needs(thin, run, command, whose, install):
    done = run(thin, "-m", "pixyz_scheduler", *command.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {whose} needs more than what is installed here (")
    assert done.stderr.endswith(f" cannot be imported): {install}\n")
    assert done.stderr.count("\n") == 1


def test_a_script_runs_by_itself_with_the_client_alone(thin, run):
    done = run(thin, str(ROOT / "examples" / "hello.py"), "-p", '{"name": "Ada"}')
    assert (done.returncode, json.loads(done.stdout)) == (0, {"message": "Hello, Ada!"}), done.stderr


@pytest.mark.parametrize(("name", "whose"), [("chain", "A workflow"), ("group", "`group`"), ("workflow", "A workflow")])
def test_a_workflow_says_what_it_needs(thin, run, name, whose):
    done = run(thin, str(ROOT / "examples" / f"{name}.py"))
    assert done.returncode == 1
    assert f"{whose} needs more than what is installed here (celery cannot be imported): " in done.stderr
    assert done.stderr.endswith('pip install "pixyz-scheduler[worker]"\n')


def test_what_of_celery_is_not_there_is_still_a_class(thin, run):
    done = run(thin, "-c", "from pixyz_worker.script import *\nassert not isinstance(3, (chain, chord, chunks, group))")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "code", ["from pixyz_worker import app", "import pixyz_worker.tasks\npixyz_worker.tasks.app.control"]
)
def test_celerys_application_says_what_it_needs_as_an_import_error(thin, run, code):
    told = "Celery's application needs more than what is installed here"
    done = run(
        thin, "-c", f"try:\n    exec({code!r})\nexcept ImportError as error:\n    print(error.name, error, sep=': ')"
    )
    assert done.stdout.startswith(f"celery: {told}"), done.stderr


def test_a_script_that_names_its_packages_is_read_with_the_client_alone(thin, run, tmp_path):
    script = tmp_path / "needs.py"
    for package, status in (("httpx", 0), ("celery", 2)):
        block = f'# /// script\n# dependencies = ["pixyz-scheduler", "{package}"]\n# ///\n'
        script.write_text(block + (ROOT / "examples" / "hello.py").read_text())
        done = run(thin, str(script))
        assert (done.returncode, "celery" in done.stderr) == (status, status == 2), done.stderr


@pytest.mark.parametrize("extra", sorted(extras.MODULES))
def test_what_is_looked_for_of_an_extra_is_what_it_brings(extra):
    thin = needed("pixyz-scheduler")
    brought = needed(f"pixyz-scheduler[{extra}]") - thin
    provided = importlib.metadata.packages_distributions()  # on Python 3.10 not of every module
    for module in extras.MODULES[extra]:
        of = {canonicalize_name(name) for name in provided.get(module, brought)}
        assert of & brought, f"{module} is of {of}"
        assert not of & thin
