"""Windows' Job Objects: the structures as documented, and what is decided by them, on a stand-in in memory."""

import ctypes
import sys

import pytest

from pixyz_scheduler.jobs.outcome import OutOfMemory
from pixyz_scheduler.worker.isolation import job_structures as win
from pixyz_scheduler.worker.isolation.job_enclosure import JobEnclosure
from pixyz_scheduler.worker.isolation.job_object import JobObject
from pixyz_scheduler.worker.isolation.kernel32 import Kernel32
from pixyz_scheduler.worker.isolation.memory import MemoryGuard
from pixyz_scheduler.worker.limits import MemoryLimit
from tests.fakes.windows_jobs import WindowsJobs

KIB = 1024


class Process:
    """As Popen's, as far as it is looked at."""

    pid = 7


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the sizes are those of 64 bits")
@pytest.mark.parametrize(
    ("structure", "size", "field", "offset"),
    [
        (win.BasicLimits, 64, "LimitFlags", 16),
        (win.BasicLimits, 64, "ActiveProcessLimit", 40),
        (win.BasicLimits, 64, "SchedulingClass", 60),
        (win.IoCounters, 48, "ReadTransferCount", 24),
        (win.ExtendedLimits, 144, "IoInfo", 64),
        (win.ExtendedLimits, 144, "JobMemoryLimit", 120),
        (win.ExtendedLimits, 144, "PeakJobMemoryUsed", 136),
        (win.CompletionPort, 16, "CompletionPort", 8),
        (win.ProcessIds, 8 + 8 * 4096, "ProcessIdList", 8),
    ],
)
def test_a_structure_is_laid_out_as_winnt_h_has_it(structure, size, field, offset):
    assert (ctypes.sizeof(structure), getattr(structure, field).offset) == (size, offset)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMIT_JOB_MEMORY", 0x00000200),
        ("LIMIT_DIE_ON_UNHANDLED_EXCEPTION", 0x00000400),
        ("LIMIT_KILL_ON_JOB_CLOSE", 0x00002000),
        ("BASIC_PROCESS_ID_LIST", 3),
        ("ASSOCIATE_COMPLETION_PORT", 7),
        ("EXTENDED_LIMIT_INFORMATION", 9),
        ("MSG_JOB_MEMORY_LIMIT", 10),
        ("CREATE_SUSPENDED", 0x00000004),
        ("CREATE_NEW_PROCESS_GROUP", 0x00000200),
        ("CREATE_NO_WINDOW", 0x08000000),
        ("PROCESS_TERMINATE", 0x0001),
        ("PROCESS_SET_QUOTA", 0x0100),
    ],
)
def test_a_number_is_the_documented_one(name, value):
    assert getattr(win, name) == value


def test_no_process_may_break_away_and_all_end_with_the_last_handle():
    kernel = WindowsJobs(alive=[7, 8])
    job = JobObject(kernel)
    job.add(7)
    kernel.start(70, by=7)
    job.close()
    assert kernel.alive == {8}
    assert kernel.handles == {}


def test_what_a_process_of_the_job_starts_is_in_it_too():
    kernel = WindowsJobs(alive=[7])
    job = JobObject(kernel)
    job.add(7)
    kernel.start(70, by=7)
    kernel.start(700, by=70)
    assert job.pids() == [7, 70, 700]
    job.kill()
    assert (job.pids(), kernel.alive) == ([], set())


def test_a_limit_is_set_moved_and_taken_away_and_the_other_flags_stay():
    kernel = WindowsJobs(alive=[7])
    job = JobObject(kernel)
    (kept,) = kernel._jobs()

    def limits():
        return kept["limits"].BasicLimitInformation.LimitFlags, kept["limits"].JobMemoryLimit

    always = win.LIMIT_KILL_ON_JOB_CLOSE | win.LIMIT_DIE_ON_UNHANDLED_EXCEPTION
    assert limits() == (always, 0)
    job.hold(2048)
    assert limits() == (always | win.LIMIT_JOB_MEMORY, 2048 * KIB)
    job.hold(0)
    assert limits() == (always, 0)


def test_refusals_of_memory_are_counted_and_other_messages_are_not():
    kernel = WindowsJobs(alive=[7])
    job = JobObject(kernel)
    job.add(7)
    job.hold(1000)
    assert kernel.commit(7, 900 * KIB)
    assert not kernel.commit(7, 200 * KIB)
    kernel.say(6)  # JOB_OBJECT_MSG_NEW_PROCESS
    assert not kernel.commit(7, 200 * KIB)
    assert (job.kills(), job.kills(), job.used()) == (2, 2, 900)


@pytest.mark.parametrize("call", ["create_port", "set_information"])
def test_a_job_that_cannot_be_set_up_leaves_no_handle(call):
    kernel = WindowsJobs(fails=[call])
    with pytest.raises(OSError, match="denied"):
        JobObject(kernel)
    assert kernel.handles == {}


def test_a_child_is_in_its_job_before_it_runs():
    kernel = WindowsJobs(alive=[7])
    kernel.suspend([7])
    enclosure = JobEnclosure(kernel, kernel)
    assert enclosure.options["creationflags"] & win.CREATE_SUSPENDED
    enclosure.begin(Process())
    assert kernel._jobs()[0]["pids"] == [7]
    assert kernel.suspended == set()


def test_a_child_that_cannot_be_put_into_its_job_does_not_run():
    kernel = WindowsJobs(alive=[7], fails=["assign"])
    kernel.suspend([7])
    enclosure = JobEnclosure(kernel, kernel)
    with pytest.raises(OSError, match="denied"):
        enclosure.begin(Process())
    assert kernel.suspended == {7}


def test_a_frozen_tree_stands_still_with_all_that_it_has_started():
    kernel = WindowsJobs(alive=[7, 8])
    enclosure = JobEnclosure(kernel, kernel)
    enclosure.begin(Process())
    kernel.start(70, by=7)
    enclosure.freeze(frozen=True)
    assert kernel.suspended == {7, 70}
    # One that was about to start, and is found by the next look.
    kernel.start(71, by=7)
    for _ in range(3):
        enclosure.freeze(frozen=True)
    assert kernel.suspended == {7, 70, 71}
    enclosure.freeze(frozen=False)
    assert kernel.suspended == set()
    enclosure.freeze(frozen=True)
    assert kernel.suspended == {7, 70, 71}


@pytest.mark.parametrize(("asked", "outcome"), [(900, None), (1100, OutOfMemory(1000))])
def test_an_attempt_that_was_refused_memory_is_out_of_memory_however_it_ends(asked, outcome):
    kernel = WindowsJobs(alive=[7])
    enclosure = JobEnclosure(kernel, kernel)
    enclosure.begin(Process())
    guard = MemoryGuard(MemoryLimit(1000), enclosure.scale, now=0.0)
    kernel.commit(7, asked * KIB)
    # It may have ended with a MemoryError of the script's own, between two looks.
    assert guard.was_behind(None) == outcome
    assert guard.look(now=100.0) == outcome


@pytest.mark.skipif(sys.platform == "win32", reason="there it has all of them")
def test_the_real_calls_can_be_imported_anywhere_and_made_on_windows_alone():
    with pytest.raises(AttributeError, match="WinDLL"):
        Kernel32()
