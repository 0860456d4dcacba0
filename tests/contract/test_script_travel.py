"""What a context carries from machine to machine, and what a decorator says when it is read and when it is run."""

import json
import subprocess
import sys
from dataclasses import fields

import pytest
from kombu.utils import json as kombu_json

from pixyz_scheduler.catalog.outline import ScriptOutline
from pixyz_scheduler.jobs.job import JobOptions, merge_options
from pixyz_scheduler.script.context import ProgramContext, register_json_types
from pixyz_scheduler.script.schedule import ScheduleOptions, schedule_of
from pixyz_worker.script import pixyz_schedule

FULL = {
    "script": "/share/job/inputs/s.py",
    "data": "ü.step",
    "root_file": "deep/a.obj",
    "entrypoint": "other",
    "params": {"a": [1, 2.5, None, True, {"deep": "ü\u2028"}]},
    "compute_only": True,
    "raw": True,
    "tmp": True,
    "is_local": True,
    "time_request": "2026-11-27T02:00:00+00:00",
    "task_id": "00000000-0000-4000-8000-000000000000",
    "time_limit": 12.5,
    "queue": "gpu-a100",
    "retry": 1,
    "input_dir": "/share/job/inputs",
    "input_file": "/share/job/inputs/ü.step",
    "output_dir": "/share/job/outputs",
    "shadow": "shown",
    "a key of the user's": {"any": ["json"]},
}

ELSEWHERE = """
import json, sys
from kombu.utils import json as kombu_json
from pixyz_scheduler.script.context import ProgramContext
pc = ProgramContext(kombu_json.loads(sys.stdin.read())["pc"])
pc.progress_set_total(2); pc.progress_next("here"); pc.progress_output(1); pc.progress_stop()
pc["progress"].start(); pc["progress"].set_total(1); pc["progress"].next("again"); pc["progress"].stop()
asked = [pc.is_local(), pc.is_compute_only(), pc.is_need_a_tmp()]
clone = pc.clone(entrypoint="third").update(raw=False).to_wire()
print(json.dumps({"wire": pc.to_wire(), "keys": sorted(pc), "asked": asked, "clone": clone}))
"""


def sent_elsewhere(pc):
    """What another machine's Python makes of it."""
    register_json_types()
    text = kombu_json.dumps({"pc": pc})
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], input=text, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_every_key_survives_the_way_to_another_machine():
    pc = ProgramContext(FULL)
    arrived = sent_elsewhere(pc)
    assert arrived["wire"] == pc.to_wire() == FULL
    assert arrived["asked"] == [True, True, True]
    assert arrived["clone"] == {**FULL, "entrypoint": "third", "raw": False}


def test_every_default_survives_it_too():
    pc = ProgramContext()
    arrived = sent_elsewhere(pc)
    assert arrived["wire"] == pc.to_wire()
    assert arrived["keys"] == sorted(pc)
    assert arrived["asked"] == [False, False, False]


def test_the_keys_tested_here_are_all_there_are():
    assert set(FULL) - {"a key of the user's"} == set(ProgramContext()) - {"progress", "task"}


ARGUMENTS = {
    "queue": "gpu-a100",
    "timeout": 12.5,
    "wait": True,
    "entrypoint": "other",
    "no_progress_limit": 3,
    "priority": 2,
    "compute_only": True,
    "raw": True,
    "root_file": "deep/a.obj",
    "cache": True,
}


def read(source):
    """The decorator's arguments as the API reads them, without running anything."""
    return ScriptOutline.parse(source.encode(), filename="s.py").entrypoint().schedule


def run(source):
    """The same as the running script has them."""
    names = {}
    exec(source, names)  # noqa: S102  (a user's script)
    return schedule_of(names["main"])


@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_argument_of_the_decorator_is_the_same_read_and_run(name):
    value = ARGUMENTS[name]
    source = f"from pixyz_worker.script import *\n@pixyz_schedule({name}={value!r})\ndef main(pc, params): pass\n"
    assert read(source) == {name: value}
    assert run(source) == ScheduleOptions(**{name: value})


def test_the_arguments_tested_here_are_all_there_are():
    assert set(ARGUMENTS) == {field.name for field in fields(ScheduleOptions)} - {"other"}


@pytest.mark.parametrize(
    "source",
    [
        "from pixyz_worker.script import *\n@pixyz_schedule",
        "from pixyz_worker.script import *\n@pixyz_schedule()",
        "from pixyz_worker.script import pixyz_schedule as when\n@when()",
        "from pixyz_worker import pixyz_schedule\n@pixyz_schedule()",
        "import pixyz_worker.script\n@pixyz_worker.script.pixyz_schedule()",
    ],
)
def test_however_it_is_written_a_decorator_that_says_nothing_leaves_the_defaults(source):
    source = f"{source}\ndef main(pc, params): pass\n"
    assert read(source) == {}
    assert run(source) == ScheduleOptions()
    assert merge_options({}, read(source)) == (JobOptions(), [])


def test_time_limit_is_timeout_by_another_name_read_and_run():
    source = "from pixyz_worker.script import *\n@pixyz_schedule(time_limit=7)\ndef main(pc, params): pass\n"
    assert run(source).timeout == 7
    assert merge_options({}, read(source))[0].time_limit == 7


def test_what_the_decorator_says_becomes_the_jobs_options():
    source = f"@pixyz_schedule(**{ARGUMENTS})"  # unknown to who reads: told, and left out
    outline = ScriptOutline.parse(f"{source}\ndef main(pc, params): pass\n".encode(), filename="s.py")
    assert outline.entrypoint().schedule == {}
    assert "`**` arguments" in outline.warnings[0]
    options, warnings = merge_options({}, ARGUMENTS)
    assert warnings == []
    said = {"time_limit": 12.5, **{key: value for key, value in ARGUMENTS.items() if key not in {"timeout", "wait"}}}
    assert {name: getattr(options, name) for name in said} == said


@pytest.mark.filterwarnings("ignore:pixyz_schedule does not know input_url")
def test_a_script_does_not_say_itself_where_its_input_comes_from():
    source = "from pixyz_worker.script import *\n@pixyz_schedule(input_url='file:x')\ndef main(pc, params): pass\n"
    assert merge_options({}, read(source))[0].input_url is None
    assert dict(run(source).other) == {"input_url": "file:x"}


def test_the_function_stays_what_it_is():
    @pixyz_schedule(queue="gpu")
    def main(pc, params):
        """Do it."""
        return pc, params

    assert (main(1, 2), main.__name__, main.__doc__) == ((1, 2), "main", "Do it.")
