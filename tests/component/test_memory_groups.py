"""Memory groups: the kernel's own where this machine gives them, and folders of files that look like v2's."""

import json
import os
import sys
from pathlib import Path

import pytest

from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.cgroup import V1, V2, MemoryGroup, MemoryGroups, join
from pixyz_scheduler.worker.isolation.cgroup_home import open_groups
from tests.conftest import missing

MIB = 1024
SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def real():
    groups = open_groups(f"test-{os.getpid()}")
    if groups is None:
        missing("a memory controller that this user may use")
    with groups:
        yield groups
    assert not groups.home.exists()


def in_group(group, work):
    """Do something in a process that is in the group; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(work() if join(str(group.path)) else 99)
        finally:
            os._exit(98)
    return os.waitpid(pid, 0)[1]


def takes(size):
    return lambda: int(len(bytearray(size << 20)) == 0)


def test_the_kernel_ends_what_grows_over_the_wall_and_counts_it(real):
    group = real.new()
    group.hold(64 * MIB)
    assert os.waitstatus_to_exitcode(in_group(group, takes(20))) == 0
    assert group.kills() == 0
    assert os.waitstatus_to_exitcode(in_group(group, takes(200))) == -9
    assert group.kills() == 1
    group.hold(400 * MIB)
    assert os.waitstatus_to_exitcode(in_group(group, takes(200))) == 0
    group.hold(0)
    assert os.waitstatus_to_exitcode(in_group(group, takes(500))) == 0
    assert group.kills() == 1
    assert group.remove()


def test_files_that_a_process_reads_and_writes_do_not_count_as_its_memory(real, tmp_path):
    group = real.new()

    def write():
        (tmp_path / "file").write_bytes(bytes(50 << 20))
        return 0

    assert in_group(group, write) == 0
    assert group.used() < 10 * MIB
    group.hold(32 * MIB)
    (tmp_path / "file").unlink()
    # And the wall does not hold against them: the kernel takes them back.
    assert os.waitstatus_to_exitcode(in_group(group, lambda: (tmp_path / "two").open("wb").truncate(1) and 0)) == 0


def test_what_is_in_a_group_is_found_and_killed_whatever_it_has_done_to_be_forgotten(real):
    group = real.new()
    reading, writing = os.pipe()

    def hide():
        os.setsid()
        if os.fork() == 0:
            os.write(writing, b"x")
            os.execve(sys.executable, [sys.executable, "-c", SLEEP], {})  # noqa: S606  (no environment is the test)
        return 0

    assert in_group(group, hide) == 0
    os.read(reading, 1)
    (pid,) = group.pids()
    assert not group.remove()
    group.kill()
    assert pid not in group.pids()


def test_closing_removes_groups_that_somebody_is_in(real):
    group = real.new()
    pid = os.fork()
    if pid == 0:
        while True:
            os.sched_yield()
    assert join(str(group.path), pid=pid)
    real.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    assert not real.home.exists()


def test_a_job_whose_helper_runs_into_the_wall_is_out_of_memory(bench_of, slots, real):  # noqa: ARG001  (skips without)
    source = """
import subprocess, sys, time
def main(pc, params):
    subprocess.run([sys.executable, "-c", "x = bytearray(600 << 20)"])
    time.sleep(600)
"""
    report = bench_of(slots, memory=200 * MIB).run(source, time_limit=60.0)
    assert (report.state, report.cause, report.queue) == (JobState.RETRY, "out_of_memory", "gpuhigh")


def test_what_a_job_leaves_in_memory_files_is_not_charged_to_the_next(bench_of, fork_slots, real):  # noqa: ARG001
    name = f"/dev/shm/pixyz-test-{os.getpid()}"
    bench = bench_of(fork_slots, memory=300 * MIB)
    fill = f"def main(pc, params):\n    open({name!r}, 'wb').write(bytes(100 << 20))\n"
    try:
        assert bench.run(fill).state is JobState.SUCCESS
        report = bench.run("def main(pc, params):\n    return len(bytearray(250 << 20))\n")
        assert (report.state, report.error) == (JobState.SUCCESS, None)
    finally:
        Path(name).unlink()


def test_a_child_that_the_kernel_killed_for_want_of_memory_is_known_where_no_limit_is_ours(
    bench_of, slots_without_groups, real
):
    """Its own wall stands for the machine's."""
    group = real.new()
    group.hold(100 * MIB)
    source = f"""
def main(pc, params):
    open("{group.path}/cgroup.procs", "w").write("0")
    bytearray(300 << 20)
"""
    report = bench_of(slots_without_groups).run(source, time_limit=60.0)
    assert (report.state, report.cause, report.queue) == (JobState.RETRY, "out_of_memory", "gpuhigh")
    assert report.error == "Out of memory: the machine's memory was full, and the kernel ended the job."


def test_a_script_that_kills_itself_is_not_out_of_memory(bench):
    report = bench.run("import os\ndef main(pc, params):\n    os.kill(os.getpid(), 9)\n")
    assert (report.state, report.cause) == (JobState.RETRY, "signal")


def test_the_peak_of_an_attempt_counts_what_has_left_the_child(bench, real):  # noqa: ARG001
    source = """
import os, sys, time
HELPER = "import time; x = bytearray(300 << 20); open('there', 'w'); time.sleep(600)"
def main(pc, params):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", HELPER])
        os._exit(0)
    while not os.path.exists("there"): time.sleep(0.01)
    time.sleep(1.5)
"""
    (attempt,) = bench.run(source).attempts
    assert attempt["peak_memory"] > 300 * MIB


def fake(tmp_path, *, path="/", delegated=(), procs=""):
    """A tree of v2, as far as files can be one."""
    mount, proc = tmp_path / "cgroup", tmp_path / "proc"
    inside = mount / path.lstrip("/")
    inside.mkdir(parents=True)
    proc.mkdir()
    (mount / "cgroup.controllers").write_text("cpu memory")
    (proc / "cgroup").write_text(f"0::{path}\n")
    (inside / "cgroup.subtree_control").write_text(" ".join(delegated))
    (inside / "cgroup.procs").write_text(procs)
    return mount, proc


def fake_group(path):
    path.mkdir(parents=True)
    files = {
        "memory.max": "max\n",
        "memory.current": "10485760\n",
        "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n",
        "memory.stat": "anon 2097152\nfile 8388608\nshmem 1048576\n",
        "cgroup.procs": "",
    }
    for name, text in files.items():
        (path / name).write_text(text)
    return MemoryGroup(path, V2)


def test_a_group_of_v2_is_read_and_held_by_its_own_names(tmp_path):
    group = fake_group(tmp_path / "group")
    assert (group.total(), group.used(), group.kills(), group.pids()) == (10240, 3072, 2, [])
    group.hold(2048)
    assert (tmp_path / "group" / "memory.max").read_text() == "2097152"
    assert (tmp_path / "group" / "memory.swap.max").read_text() == "0"
    group.hold(0)
    assert (tmp_path / "group" / "memory.max").read_text() == "max"
    assert (tmp_path / "group" / "memory.swap.max").read_text() == "max"


@pytest.mark.parametrize("path", ["/", "/user.slice/ours"])
def test_v2_is_asked_for_the_controller_only_where_the_part_is_ours(tmp_path, path):
    mount, proc = fake(tmp_path, path=path, delegated=["memory"] if path != "/" else [])
    # Files in a folder bring no controller: it is asked for, looked for, and then done without.
    assert open_groups("test", mount=mount, proc=proc) is None
    assert not list(mount.rglob("pixyz-test/group-*"))


def test_a_part_of_v2_that_is_not_ours_is_left_as_it_is(tmp_path):
    mount, proc = fake(tmp_path, path="/session.scope", procs=str(os.getpid()))
    before = sorted(mount.rglob("*"))
    assert open_groups("test", mount=mount, proc=proc) is None
    assert sorted(mount.rglob("*")) == before


def test_in_a_container_of_v2_whoever_is_in_our_group_moves_aside_before_it_is_divided(tmp_path):
    mount, proc = fake(tmp_path, procs="41\n42\n")
    open_groups("test", mount=mount, proc=proc)
    assert (mount / "pixyz-rest" / "cgroup.procs").read_text() == "42"
    assert (mount / "cgroup.subtree_control").read_text() == "+memory"


def test_no_groups_are_had_where_the_kernel_has_none(tmp_path):
    (tmp_path / "cgroup").write_text("4:cpuset,cpu:/\n")
    assert open_groups("test", mount=tmp_path, proc=tmp_path) is None
    assert open_groups("test", mount=tmp_path, proc=tmp_path / "none") is None


def test_groups_that_cannot_be_made_are_none(tmp_path):
    assert MemoryGroups(tmp_path / "gone", V1).new() is None


def test_an_attempt_is_weighed_whole_where_there_are_no_groups(bench_of, slots_without_groups):
    """What has double-forked away from the child is below its warden still."""
    source = """
import os, sys, time
HELPER = "import time; x = bytearray(400 << 20); time.sleep(600)"
def main(pc, params):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve(sys.executable, [sys.executable, "-c", HELPER], {})
        os._exit(0)
    time.sleep(600)
"""
    report = bench_of(slots_without_groups, memory=200 * MIB).run(source, time_limit=60.0)
    assert (report.state, report.cause) == (JobState.RETRY, "out_of_memory")
    assert "MiB used of 200 MiB allowed" in report.error
    assert json.loads(report.result or "null") is None
