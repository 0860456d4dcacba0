"""What goes wrong around an attempt, and what a hostile script does to its own line: it costs that job alone."""

import json
import time

import psutil
import pytest

from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.events import Exited, Output

HELLO = "def main(pc, params):\n    return 1\n"


def descriptors():
    return psutil.Process().num_fds()


def test_a_request_that_cannot_be_sent_fails_its_job_and_costs_no_slot(bench):
    assert bench.run(HELLO).state is JobState.SUCCESS
    before = descriptors()
    for _ in range(3):
        job_id = bench.submit(HELLO, params='{"a": 1e999}')
        bench.execution.run(job_id, queue="cpu")
        report = bench.records.report(job_id)
        assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
        assert "cannot be sent" in report.error
        assert bench.run(HELLO).state is JobState.SUCCESS
    assert descriptors() == before


def test_a_child_does_not_outlive_whoever_watched_it(slots, tmp_path):
    script = tmp_path / "waits.py"
    script.write_text("import time\ndef main(pc, params):\n    time.sleep(600)\n")

    def watch():
        with slots.child({"type": "request", "context": {"script": str(script)}}, since=time.monotonic) as child:
            pids.append(child.pid)
            raise InterruptedError

    pids = []
    with pytest.raises(InterruptedError):
        watch()
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=30)
    assert not alive


class NoSlots:
    """Slots that break in a way that nobody foresaw."""

    def child(self, request, *, since):  # noqa: ARG002  (the signature of all)
        raise ZeroDivisionError(f"nobody foresaw {request['type']}")


def test_what_nobody_foresaw_is_the_surroundings_fault_and_not_a_lost_worker(bench_of):
    report = bench_of(NoSlots()).run(HELLO)
    assert (report.state, report.queue, report.cause) == (JobState.RETRY, "cpu", "infrastructure")
    assert "ZeroDivisionError" in report.error
    assert (report.tally.crashes, report.tally.hindrances) == (0, 1)


def test_a_log_that_cannot_be_written_is_the_surroundings_fault(bench):
    job_id = bench.submit("import time\ndef main(pc, params):\n    print('x', flush=True)\n    time.sleep(600)\n")
    bench.share.folder(job_id).logs.write_text("a file where a folder should be")
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.cause, report.tally.hindrances) == (JobState.RETRY, "infrastructure", 1)
    assert "log cannot be written" in report.error


def test_a_log_is_never_written_through_a_link_that_the_script_put_there(bench, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep")
    source = f"""
import os, time
def main(pc, params):
    logs = os.path.join(os.path.dirname(pc.get_output_dir()), "logs")
    os.makedirs(logs)
    os.symlink({str(precious)!r}, os.path.join(logs, "attempt-1.log"))
    print("over it", flush=True)
    time.sleep(600)
"""
    assert bench.run(source).cause == "infrastructure"
    assert precious.read_text() == "keep"


def test_what_prints_nothing_has_no_log(bench):
    report = bench.run("def main(pc, params):\n    return 1\n")
    assert report.state is JobState.SUCCESS
    assert not bench.share.folder(report.job.id).logs.exists()


def test_a_job_that_begins_while_the_worker_drains_goes_back_too(bench):
    bench.execution.keeper.stop_all(Drained())
    report = bench.run("import time\ndef main(pc, params):\n    time.sleep(600)\n")
    assert (report.state, report.cause, report.tally.crashes) == (JobState.RETRY, "drained", 0)


def test_a_child_holds_one_end_of_its_line_and_no_other(fork_bench, one_isolation):
    source = """
import os
def main(pc, params):
    paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    links = [os.readlink(path) for path in paths if os.path.islink(path)]
    return sorted(link for link in links if link.startswith(("socket", "pipe")))
"""
    links = json.loads(fork_bench.run(source).result)
    # What it prints goes into one pipe by both streams; its line is a socket, or a pipe each way.
    lines = {"fork": ["pipe", "socket"], "spawn": ["pipe"] * 3}[one_isolation]
    assert len(links) == len(lines) + 1
    assert [link.partition(":")[0] for link in sorted(set(links))] == lines


def test_what_a_long_job_leaves_behind_while_it_runs_is_buried(fork_bench):
    source = """
import os
def zombies():
    parent = os.getppid()
    pids = open(f"/proc/{parent}/task/{parent}/children").read().split()
    return [pid for pid in pids if open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"]
def main(pc, params):
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            os.fork()
            os._exit(0)
        os.waitpid(pid, 0)
    while True:
        try:
            if not zombies(): return True
        except OSError:
            pass
"""
    report = fork_bench.run(source, queue="gpuhigh", time_limit=60.0)
    assert report.state is JobState.SUCCESS, report.error


SEND = """
import os
def main(pc, params):
    channel, message = pc["progress"]._channel, {message}
    if hasattr(channel, "_sock"):
        line = channel._sock
        line.send(message)
    else:
        line = channel._writer
        line.write(len(message).to_bytes(4, "big") + message)
        line.flush()
    {then}
"""


@pytest.mark.parametrize(
    "message",
    [
        rb'{"type": "result", "value": "\ud800"}',
        rb'{"type": "result", "value": 1e999}',
        rb'{"type": "error", "error": "\udfff", "traceback": ""}',
        rb'{"type": "progress_output", "value": -1e999}',
        rb'{"type": "step", "info": "\ud800"}',
        b"no JSON",
        b"[]",
        b"\xff\xfe",
    ],
)
def test_what_no_record_can_hold_fails_the_job_that_said_it(fork_bench, message):
    source = SEND.format(message=message, then="\n    while True: pass")
    report = fork_bench.run(source)
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    assert "scheduler's own channel" in report.error
    assert fork_bench.run(HELLO).state is JobState.SUCCESS


@pytest.mark.parametrize("then", ["line.close()", "os.closerange(0, 100)", "os.dup2(0, line.fileno())"])
def test_a_script_that_loses_its_line_has_crashed(fork_bench, then):
    report = fork_bench.run(SEND.format(message=b"{}", then=then), queue="gpuhigh")
    assert (report.state, report.cause) == (JobState.FAILURE, "exit")
    assert fork_bench.run(HELLO).state is JobState.SUCCESS


@pytest.mark.parametrize("body", ["os.kill(os.getpid(), signal.SIGSTOP)", "os.write(1, FLOOD)", "os.write(1, b'x')"])
def test_a_script_that_stops_itself_or_floods_its_log_is_ended_by_its_time_limit(bench, body):
    source = f"import os, signal\nFLOOD = b'x' * 65536\ndef main(pc, params):\n    while True: {body}\n"
    assert bench.run(source, queue="gpuhigh", time_limit=0.5).cause == "timeout"


def test_a_flood_that_is_read_slowly_waits_in_the_pipe_and_comes_whole(slots, tmp_path):
    script = tmp_path / "flood.py"
    script.write_text("import os\ndef main(pc, params):\n    for _ in range(400): os.write(1, b'x' * 65536)\n")
    came = 0
    with slots.child({"type": "request", "context": {"script": str(script)}}, since=time.monotonic) as child:
        seen = None
        while not isinstance(seen, Exited):
            for seen in child.events(None):
                came += len(seen.text) if isinstance(seen, Output) else 0
    assert (seen.exit_code, came) == (0, 400 * 65536)


def test_two_hundred_processes_that_never_end_are_ended_with_their_job(bench):
    source = """
import os, time
def main(pc, params):
    for _ in range(200):
        if os.fork() == 0:
            os.setsid()
            while True: time.sleep(60)
    time.sleep(600)
"""
    mine = psutil.Process()
    before = {child.pid for child in mine.children(recursive=True)}
    assert bench.run(source, queue="gpuhigh", time_limit=1.0).cause == "timeout"
    left = [child for child in mine.children(recursive=True) if child.pid not in before]
    assert len(left) < 10  # spares, and the readers of a spawned child


def test_a_slot_is_as_it_was_after_many_jobs(fork_bench):
    for _ in range(3):
        fork_bench.run(HELLO)
    mine = psutil.Process()

    def inventory():
        tree = mine.children(recursive=True)
        return descriptors(), mine.num_threads(), len(tree), sum(child.num_fds() for child in tree)

    *before, held = inventory()
    for _ in range(50):
        assert fork_bench.run(HELLO).state is JobState.SUCCESS
    # A spare that gets ready has a few more for a moment; what each job left would be fifty.
    while (after := inventory())[:3] != tuple(before) or after[3] > held + 10:
        pass


@pytest.mark.parametrize("signal", ["SIGSTOP", "SIGKILL"])
def test_a_script_that_stops_or_kills_its_warden_is_ended_with_all_it_started(fork_bench, signal):
    source = f"""
import os, signal, subprocess, sys
def main(pc, params):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    with open(pc.get_output_dir("pid"), "w") as file:
        file.write(str(sleeper.pid))
    os.kill(os.getppid(), signal.{signal})
    while True: pass
"""
    report = fork_bench.run(source, queue="gpuhigh", time_limit=1.0)
    assert (report.state, report.cause) == (JobState.FAILURE, "timeout" if signal == "SIGSTOP" else "signal")
    pid = int((fork_bench.share.folder(report.job.id).outputs / "pid").read_text())
    _, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
    assert not alive
    assert fork_bench.run(HELLO).state is JobState.SUCCESS
