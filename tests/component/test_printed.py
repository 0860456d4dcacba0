"""What a script prints, by whichever way, is in the log in its order, and while the script goes on."""

import os
import threading

from pixyz_scheduler.jobs.state import JobState

IN_ORDER = """
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)

def main(pc, params):
    print("1 python, out")
    sys.stderr.write("2 python, err\\n")
    libc.puts(b"3 C, out")
    os.write(2, b"4 descriptor, err\\n")
    libc.printf(b"%d C, out\\n", 5)
    print("6 python, out")
    subprocess.run(["sh", "-c", "echo 7 child, out; echo 8 child, err >&2"])
    libc.perror(b"9 C, err")
    os.write(1, b"10 descriptor, out\\n")
    print("11 python, out,", end=" ")
    print("in two")
    libc.puts(b"12 C, out")
    print("13 without an end", end="")
"""

WAITS = """
import ctypes, os, sys

def main(pc, params):
    print("from Python")
    ctypes.CDLL(None).puts(b"from C")
    with open(pc.get_output_dir("goes on")) as pipe:
        pipe.read()
"""


def test_both_streams_of_python_of_c_and_of_child_processes_are_in_the_log_in_their_order(bench):
    report = bench.run(IN_ORDER)
    assert report.state is JobState.SUCCESS, report.traceback
    lines = bench.log(report.job.id).splitlines()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(1, 14)]
    assert lines[10:] == ["11 python, out, in two", "12 C, out", "13 without an end"]


def test_a_line_is_in_the_log_while_the_script_goes_on(bench):
    job_id = bench.submit(WAITS)
    folder = bench.share.folder(job_id)
    os.mkfifo(folder.outputs / "goes on")
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    path = folder.log_path(1)
    # Opened for writing it waits for the script to open it, which has printed all by then.
    with (folder.outputs / "goes on").open("w"):
        while not (path.exists() and path.read_text() == "from Python\nfrom C\n"):
            assert thread.is_alive()
    thread.join()
    assert bench.records.report(job_id).state is JobState.SUCCESS
