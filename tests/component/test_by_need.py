"""Plain scripts and the others get their children from different templates; what nobody uses is let go."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.worker.children import without_secrets
from pixyz_scheduler.worker.isolation.by_need import ByNeed
from pixyz_scheduler.worker.isolation.engine_slots import EngineSlots
from pixyz_scheduler.worker.isolation.events import Exited, Message
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.template import Template

pytestmark = pytest.mark.forks("it has two templates")

_LOADED = "import sys\ndef main(pc, params):\n    return 'trimesh' in sys.modules\n"
OPEN = EngineChoice(name="open")


def template(*, loads: bool) -> Template:
    return Template(engine=OPEN, environment=without_secrets(os.environ), loads=loads)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(_LOADED)
    return path


def has_engine(slots: ByNeed | EngineSlots, script: Path, *, plain: bool) -> object:
    request = {
        "type": "request",
        "plain": plain,
        "context": {"script": str(script), "entrypoint": "main", "params": {}},
    }
    with slots.child(request, since=time.monotonic) as child:
        seen = []
        while not any(isinstance(event, Exited) for event in seen):
            seen += child.events(None)
    return next(event.content["value"] for event in seen if isinstance(event, Message) and "value" in event.content)


@contextmanager
def engine_slots(*, idle: float) -> Iterator[EngineSlots]:
    slots = EngineSlots(template(loads=True), idle=idle)
    yield slots
    slots.close()


def zygotes() -> int:
    return sum("zygote" in " ".join(child.cmdline()) for child in psutil.Process().children())


def test_a_plain_script_runs_where_no_engine_is_loaded_and_another_where_it_is(script):
    pytest.importorskip("trimesh")
    with template(loads=False) as light, engine_slots(idle=0) as engine:
        slots = ByNeed(ForkSlots(light, ahead=1), engine)
        assert has_engine(slots, script, plain=True) is False
        assert has_engine(slots, script, plain=False) is True
        slots.close()


def test_where_there_is_one_template_all_run_there(script):
    with template(loads=False) as light:
        slots = ByNeed(ForkSlots(light, ahead=1), None)
        assert has_engine(slots, script, plain=False) is False
        slots.close()


def test_an_engine_that_nobody_has_used_for_long_is_unloaded_and_loaded_again(script):
    pytest.importorskip("trimesh")
    before = zygotes()
    with engine_slots(idle=60) as engine:
        engine.warm_up()
        engine.unload_idle(now=time.monotonic())
        assert zygotes() == before + 1
        engine.unload_idle(now=time.monotonic() + 61)
        assert zygotes() == before
        assert has_engine(engine, script, plain=False) is True
        assert zygotes() == before + 1
    assert zygotes() == before


def test_an_engine_in_use_or_to_be_kept_is_not_unloaded():
    before = zygotes()
    with engine_slots(idle=60) as engine, engine._in_use():
        engine.warm_up()
        engine.unload_idle(now=time.monotonic() + 3600)
        assert zygotes() == before + 1
    with engine_slots(idle=0) as engine:
        engine.warm_up()
        engine.unload_idle(now=time.monotonic() + 1e9)
        assert zygotes() == before + 1


def test_slots_of_a_burst_are_let_go_but_one():
    with template(loads=False) as light:
        slots = ForkSlots(light, ahead=3)
        slots.trim(1)
        assert len(slots._free) == 1
        slots.trim(1)
        assert len(slots._free) == 1
        slots.close()
