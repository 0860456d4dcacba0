"""A child that cannot be begun, or not be held, costs the job nothing, and leaves nothing."""

import sys

import psutil
import pytest

from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.memory import Unweighed
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from tests.component.conftest import ENVIRONMENT


class Refusing:
    """An enclosure that starts a sleeper and cannot hold it, or has nothing to start."""

    ends_at_eof = False

    def __init__(self, command):
        self.options = {}
        self.command = command
        self.scale = Unweighed()
        self.begun = []
        self.closed = 0

    def begin(self, process):
        self.begun.append(process)
        raise OSError(5, "access is denied")

    def close(self):
        self.closed += 1


@pytest.mark.parametrize(
    ("command", "begun", "why"),
    [([sys.executable, "-c", "input()"], 1, "access is denied"), (["/nowhere/python"], 0, "No such file")],
)
def test_a_job_whose_child_cannot_be_had_goes_back_uncharged(bench_of, command, begun, why):
    enclosure = Refusing(command)
    report = bench_of(SpawnSlots(ENVIRONMENT, enclosed=lambda **_: enclosure)).run("def main(pc, params): pass\n")
    assert (report.state, report.cause, report.tally.crashes) == (JobState.RETRY, "infrastructure", 0)
    assert why in report.error
    assert [len(enclosure.begun), enclosure.closed] == [begun, 1]
    assert not any(psutil.pid_exists(process.pid) for process in enclosure.begun)
