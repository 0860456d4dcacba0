"""Machines that have no room for another process: asked again, less and less often; the job is not to blame."""

import errno
import logging
import mmap
import os
import signal
import socket
import time

import pytest

from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.events import Exited
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.forked import ForkedChild
from pixyz_scheduler.worker.isolation.slot import NoSpare, Slot
from pixyz_scheduler.worker.isolation.warden import Warden

pytestmark = pytest.mark.forks("wardens and a template find no room")


@pytest.fixture
def warden():
    """A warden whose first forks fail: its slot, and how often it has tried."""
    started = []

    def start(failures):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        tries = mmap.mmap(-1, 1)

        def fork():
            tries[0] += 1
            if tries[0] <= failures:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            return os.fork()

        pid = os.fork()
        if pid == 0:
            ours.close()
            Warden(theirs, lambda channel: len(channel.recv(10)) and 0, freeze=4.0, fork=fork).run()
        theirs.close()
        slot = Slot(ours)
        started.append((pid, slot))
        return slot, tries

    yield start
    for pid, slot in started:
        slot.close()
        os.waitpid(pid, 0)


def test_a_spare_that_cannot_be_forked_is_tried_again_and_said_once(warden, caplog):
    slot, tries = warden(3)
    with caplog.at_level(logging.WARNING):
        child = ForkedChild(slot, slot.start({}, since=time.monotonic))
    assert tries[0] in {4, 5}
    assert [record.getMessage() for record in caplog.records] == [
        "no process can be forked for jobs, trying again: [Errno 11] Resource temporarily unavailable"
    ]
    seen = []
    while not any(isinstance(event, Exited) for event in seen):
        seen += child.events(None)
    child.close()


def test_where_none_comes_the_job_is_told_why_and_the_warden_has_not_been_busy(warden):
    slot, tries = warden(255)
    with pytest.raises(NoSpare, match=r"No process could be made for the job: .*Resource temporarily unavailable"):
        slot.start({}, since=time.monotonic, patience=1.0)
    assert tries[0] < 10


class DyingTemplate:
    """Its wardens die at once."""

    def __init__(self):
        self.asked = 0

    def slot(self):
        self.asked += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.close()
        return Slot(ours)

    def end(self, slot):
        slot.close()


def test_wardens_that_die_at_once_are_not_asked_for_without_pause_and_cost_the_job_nothing(bench_of):
    template = DyingTemplate()
    bench = bench_of(ForkSlots(template, ahead=2, patience=1.0))
    report = bench.run("def main(pc, params): pass\n")
    assert (report.state, report.queue, report.cause) == (JobState.RETRY, "cpu", "infrastructure")
    assert report.error == "No process could be made for the job: its wardens die."
    assert (report.tally.crashes, report.tally.hindrances) == (0, 1)
    assert template.asked < 10


def test_a_template_that_stands_still_is_replaced(bench_of, template):
    slots = ForkSlots(template, ahead=0, patience=0.5)
    bench = bench_of(slots)
    os.kill(template._process.pid, signal.SIGSTOP)
    report = bench.run("def main(pc, params): pass\n")
    assert (report.cause, report.error) == (
        "infrastructure",
        "No process could be made for the job: its warden is silent.",
    )
    slots._patience = 60.0
    assert bench.run("def main(pc, params): pass\n").state is JobState.SUCCESS
    slots.close()
