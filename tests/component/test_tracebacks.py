"""Errors of scripts, told in the script's own lines: each runs as a job."""

import io
import json
import sys
import uuid
import zipfile

import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState


def failed(bench, source, **options):
    report = bench.run(source, **options)
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    # The user's own frames: nothing of ours, of Python's or of a library's.
    files = [line for line in report.traceback.splitlines() if line.lstrip(" |").startswith("File ")]
    assert all(
        line.lstrip(" |").startswith(('File "script.py"', 'File "helper.py"', 'File "input/')) for line in files
    ), report.traceback
    return report


def frames(report):
    return [line.strip(" |").removeprefix("File ") for line in report.traceback.splitlines() if 'File "' in line]


def test_an_exception_of_the_scripts_own_has_its_bare_name(fork_bench):
    report = failed(
        fork_bench, "class TooThin(Exception):\n    pass\n\ndef main(pc, params):\n    raise TooThin('wall 3')\n"
    )
    assert report.error == "TooThin: wall 3"
    assert report.traceback.splitlines()[-1] == "TooThin: wall 3"


def test_an_exception_without_a_message_is_its_name(fork_bench):
    report = failed(fork_bench, "def main(pc, params):\n    raise ValueError\n")
    assert report.error == "ValueError"
    assert report.traceback.splitlines()[-1] == "ValueError"


def test_a_missing_key_is_quoted(fork_bench):
    assert failed(fork_bench, "def main(pc, params):\n    params['wall']\n").error == "KeyError: 'wall'"


@pytest.mark.parametrize(
    ("raising", "between"),
    [
        ("raise RuntimeError('no wall') from error", "direct cause"),
        ("raise RuntimeError('no wall')", "During handling"),
        ("raise RuntimeError('no wall') from None", None),
    ],
)
def test_what_led_to_an_exception_comes_before_it(fork_bench, raising, between):
    source = f"""
def main(pc, params):
    try:
        params["wall"]
    except KeyError as error:
        {raising}
"""
    report = failed(fork_bench, source)
    assert report.error == "RuntimeError: no wall"
    assert frames(report) == ['"script.py", line 4, in main'] * (between is not None) + ['"script.py", line 6, in main']
    assert ("KeyError: 'wall'" in report.traceback) == (between is not None)
    assert between is None or between in report.traceback


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ExceptionGroup came with Python 3.11")
def test_a_group_shows_each_of_its_exceptions_with_its_own_lines(fork_bench):
    source = """
class TooThin(Exception):
    pass

def check(part):
    raise TooThin(part)

def main(pc, params):
    found = []
    for part in ("a", "b"):
        try:
            check(part)
        except TooThin as error:
            found.append(error)
    raise ExceptionGroup("bad parts", found)
"""
    report = failed(fork_bench, source)
    assert report.error == "ExceptionGroup: bad parts (2 sub-exceptions)"
    assert [line.strip(" |") for line in report.traceback.splitlines() if line.endswith((": a", ": b"))][-2:] == [
        "TooThin: a",
        "TooThin: b",
    ]
    assert '"script.py", line 6, in check' in frames(report)


@pytest.mark.parametrize("functions", [1, 2, 3])
def test_a_recursion_without_end_is_told_in_a_few_lines(fork_bench, functions):
    calls = "\n".join(f"def f{n}(deep):\n    return f{(n + 1) % functions}(deep + 1)\n" for n in range(functions))
    report = failed(fork_bench, f"{calls}\ndef main(pc, params):\n    f0(0)\n")
    assert report.error.startswith("RecursionError: maximum recursion depth exceeded")
    assert len(report.traceback.splitlines()) < 250
    assert frames(report)[0].endswith("in main")
    assert "more times]" in report.traceback or "frames are left out here]" in report.traceback


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("import nobody_has_it\n", "python -m pip install nobody_has_it"),
        ("import nobody_has_it.part\n", "python -m pip install nobody_has_it"),
        ("import json.nobody_has_it\n", "json is there, but has no json.nobody_has_it"),
        ("from json import nobody_has_it\n", "another version of json may be what the script needs"),
        ("from . import helper\n", "import the file beside it by its bare name"),
    ],
)
def test_an_import_that_fails_says_what_to_do(fork_bench, source, advice):
    report = failed(fork_bench, f"{source}def main(pc, params):\n    pass\n")
    assert advice in report.error
    assert frames(report)[-1] == '"script.py", line 1, in <module>'


def test_a_syntax_error_names_the_line_and_the_version(fork_bench):
    report = failed(fork_bench, "def main(pc, params):\n    return (\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "(script.py, line 2)" in report.error
    assert report.error.endswith(f"the script must be valid for Python {version}")
    assert frames(report) == ['"script.py", line 2']


def job_with_input(bench, source, files, *, beside=None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    job_id = JobId(str(uuid.uuid4()))
    with bench.share.incoming() as incoming:
        for kind, name, data in (("script", "script.py", source.encode()), ("input", "in.zip", packed.getvalue())):
            with incoming.create(kind, name) as file:
                file.write(data)
        folder = incoming.adopt(job_id)
    for name, text in (beside or {}).items():
        (folder.inputs / name).write_text(text)
    assert bench.records.submit(
        Job(job_id, "custom", JobOptions(), 0.0, script="script.py", input_file="in.zip", params=json.dumps({}))
    )
    bench.execution.run(job_id, queue="cpu")
    return bench.records.report(job_id)


def test_a_module_in_the_input_archive_is_the_users_own(fork_bench):
    source = """
import sys
def main(pc, params):
    sys.path.insert(0, pc.get_input_dir())
    from lib.walls import check
    check()
"""
    files = {"lib/__init__.py": "", "lib/walls.py": "def check():\n    raise ValueError('thin')\n", "a.step": ""}
    report = job_with_input(fork_bench, source, files)
    assert report.error == "ValueError: thin"
    assert frames(report) == ['"script.py", line 6, in main', '"input/lib/walls.py", line 2, in check']


@pytest.mark.parametrize(
    ("helper", "error", "last"),
    [
        ("def check():\n    raise ValueError('thin')\n", "ValueError: thin", '"helper.py", line 2, in check'),
        ("x = (\n", "(helper.py, line 1)", '"helper.py", line 1'),
    ],
)
def test_a_module_beside_the_script_is_the_users_own(fork_bench, helper, error, last):
    source = "def main(pc, params):\n    import helper\n    helper.check()\n"
    report = job_with_input(fork_bench, source, {"a.step": ""}, beside={"helper.py": helper})
    assert error in report.error
    assert frames(report)[-1] == last
