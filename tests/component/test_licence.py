"""The Pixyz SDK's licence and session in real processes, by a stand-in that writes down who asked it for what."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pixyz_scheduler.engine.choice import EngineChoice, LicenceTerms
from pixyz_scheduler.errors import LicenceMissing, Unavailable
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from pixyz_scheduler.worker.isolation.template import Template
from pixyz_scheduler.worker.isolation.trial import try_licence
from tests.component.conftest import ENVIRONMENT

STUB = Path(__file__).parents[1] / "fakes" / "pxz_stub"
HELD = EngineChoice(sdk=STUB, licence=LicenceTerms(at_start=True))
EACH_JOB = EngineChoice(sdk=STUB, licence=LicenceTerms(at_start=False))
SCRIPT = """
import os
import pxz
from pixyz_scheduler.engine.select import find_engine
from pixyz_worker.script import PiXYZSession

def main(pc, params):
    with PiXYZSession() as session:
        return [os.getpid(), find_engine().name, session.license.held]
"""
TAKEN = ["initialize", "core.checkLicense"]


@pytest.fixture
def calls(tmp_path) -> Callable[[], list[tuple[int, str]]]:
    """All that the stand-in was asked, by whom."""

    def read():
        path = tmp_path / "pxz.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), name) for pid, name in (line.split() for line in lines)]

    return read


@pytest.fixture
def environment(tmp_path):
    return {**ENVIRONMENT, "PXZ_STUB_LOG": str(tmp_path / "pxz.log"), "PXZ_STUB_REFUSED": str(tmp_path / "refused")}


@contextmanager
def forking(engine, environment):
    with Template(engine=engine, environment=environment) as template:
        slots = ForkSlots(template, ahead=1)
        yield slots
        slots.close()


@contextmanager
def per_job(isolation, environment):
    """Slots whose jobs take a licence each, by either isolation."""
    if isolation == "spawn":
        yield SpawnSlots({**environment, **HELD.to_environment()})
    else:
        with forking(EACH_JOB, environment) as slots:
            yield slots


@pytest.mark.forks("a template holds the licence")
def test_a_licence_that_is_held_is_taken_once_and_each_job_begins_with_a_clean_session(bench_of, calls, environment):
    with forking(HELD, environment) as slots:
        bench = bench_of(slots)
        reports = [bench.run(SCRIPT) for _ in range(2)]
        assert [report.state for report in reports] == [JobState.SUCCESS] * 2, reports[0].traceback
        jobs = [json.loads(report.result) for report in reports]
        assert [job[1:] for job in jobs] == [["pixyz", True]] * 2
        template = calls()[0][0]
        assert [name for pid, name in calls() if pid == template] == TAKEN
        for pid, *_ in jobs:
            # Once before the job, once at the end of the script's own session; its licence stays the worker's.
            assert [name for caller, name in calls() if caller == pid] == ["core.resetSession"] * 2
    assert calls()[-1] == (template, "release")


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_without_one_that_is_held_each_job_takes_a_licence_and_gives_it_back(bench_of, calls, environment, isolation):
    with per_job(isolation, environment) as slots:
        bench = bench_of(slots)
        reports = [bench.run(SCRIPT) for _ in range(2)]
    assert [report.state for report in reports] == [JobState.SUCCESS] * 2, reports[0].traceback
    for pid, name, held in map(json.loads, (report.result for report in reports)):
        assert (name, held) == ("pixyz", True)
        assert [name for caller, name in calls() if caller == pid] == [*TAKEN, "core.resetSession", "release"]


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_job_that_gets_no_licence_waits_and_is_tried_again_without_being_charged(bench_of, environment, isolation):
    with per_job(isolation, environment | {"PXZ_STUB_LICENCE": "1"}) as slots:
        bench = bench_of(slots)
        report = bench.run(SCRIPT)
        assert (report.state, report.cause, report.queue) == (JobState.RETRY, "infrastructure", "cpu")
        assert "no licence" in report.error
        assert (report.tally.crashes, report.tally.hindrances, report.retries) == (0, 1, 0)
        assert bench.run(SCRIPT).state is JobState.SUCCESS


def test_a_script_that_is_told_itself_that_there_is_no_licence_is_tried_again_too(bench_of, environment):
    source = """
from pixyz_scheduler.errors import LicenceMissing
def main(pc, params):
    raise LicenceMissing("none left")
"""
    with forking(EACH_JOB, environment) as slots:
        report = bench_of(slots).run(source)
    assert (report.state, report.cause, report.error) == (JobState.RETRY, "infrastructure", "none left")


def test_a_worker_without_an_engine_asks_for_nothing(bench_of, calls, environment):
    with forking(replace(HELD, disabled=True), environment) as slots:
        source = "from pixyz_scheduler.engine.select import find_engine\ndef main(pc, p): return find_engine().name\n"
        assert bench_of(slots).run(source).result == '"absent"'
    assert calls() == []


def holding(environment, timeout=60.0):
    """What a worker does at its start, by either isolation: each must say the same."""
    terms = replace(HELD, licence=replace(HELD.licence, timeout=timeout))

    def fork():
        with Template(engine=terms, environment=environment):
            pytest.fail("it holds a licence")

    return {"fork": fork, "spawn": lambda: try_licence(terms, environment)}


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_no_licence_at_the_start_is_said(environment, isolation):
    with pytest.raises(LicenceMissing, match="has no licence on this machine"):
        holding(environment | {"PXZ_STUB_LICENCE": "none"})[isolation]()


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_licence_that_never_comes_ends_the_start(environment, isolation, monkeypatch):
    monkeypatch.setattr("pixyz_scheduler.worker.isolation.template._IMPORTS", 2.0)
    with pytest.raises(LicenceMissing, match=r"not come to a licence in 0\.5 s \(LICENSE_TIMEOUT\)"):
        holding(environment | {"PXZ_STUB_INITIALIZE": "hang"}, timeout=0.5)[isolation]()


@pytest.mark.parametrize(("isolation", "words"), [("fork", "SIGSEGV.*started the Pixyz SDK"), ("spawn", "status -11")])
def test_an_sdk_that_crashes_at_the_start_is_no_missing_licence(environment, isolation, words):
    with pytest.raises(Unavailable, match=words):
        holding(environment | {"PXZ_STUB_INITIALIZE": "crash"})[isolation]()


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_an_sdk_that_crashes_for_a_job_costs_that_attempt_alone(bench_of, environment, isolation):
    with per_job(isolation, environment | {"PXZ_STUB_INITIALIZE": "crash"}) as slots:
        report = bench_of(slots).run(SCRIPT)
        assert (report.state, report.cause, report.tally.crashes) == (JobState.RETRY, "signal", 1)
        assert "SIGSEGV" in report.error


@pytest.mark.forks("a template holds the licence")
def test_a_template_that_dies_takes_its_licence_again(bench_of, calls, environment):
    with Template(engine=HELD, environment=environment) as template:
        template.renew()
        slots = ForkSlots(template, ahead=1)
        assert bench_of(slots).run(SCRIPT).state is JobState.SUCCESS
        slots.close()
    assert [name for _, name in calls()].count("initialize") == 2


@pytest.mark.forks("a template holds the licence")
def test_a_template_that_gets_no_second_licence_hinders_the_job(bench_of, environment):
    with Template(engine=HELD, environment=environment | {"PXZ_STUB_LICENCE": "0"}) as template:
        slots = ForkSlots(template, ahead=0)
        template.renew()
        template._environment["PXZ_STUB_LICENCE"] = "none"
        report = bench_of(slots).run(SCRIPT)
        slots.close()
    assert (report.state, report.cause) == (JobState.RETRY, "infrastructure")
    assert "no licence" in report.error
