"""A user's script in a real child process, over a real socket: what comes back, and with which exit status."""

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from textwrap import dedent

import pytest

from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.channel import ChannelError, SocketChannel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SEQPACKET sockets are Linux's")

CHILD = """
import os, socket, sys
from pixyz_scheduler.script.channel import SocketChannel
from pixyz_scheduler.script.host import run_attempt
channel = SocketChannel(socket.socket(fileno=int(sys.argv[1])))
os._exit(run_attempt(channel.receive(), channel))
"""


@dataclass
class Ended:
    """How a child ended."""

    messages: list = field(default_factory=list)
    status: int | None = None
    stdout: str = ""
    stderr: str = ""

    @property
    def last(self):
        """But for when it began, which each last message says."""
        return {name: value for name, value in self.messages[-1].items() if name != "began"}


@pytest.fixture
def attempt(tmp_path):
    def run(source, *, name="job.py", params=None, entrypoint="main", send_source=False, **context):
        for folder in ("inputs", "work"):
            (tmp_path / folder).mkdir(exist_ok=True)
        script = tmp_path / "inputs" / name
        source = dedent(source).encode() if isinstance(source, str) else source
        script.write_bytes(source)
        request = AttemptRequest(
            context={"script": str(script), "entrypoint": entrypoint, "params": params or {}, **context},
            workspace=tmp_path / "work",
            source=source.decode() if send_source else None,
        )
        return run_child(request)

    return run


def run_child(request, *, program=CHILD):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", program, str(theirs.fileno())]
    with (
        ours,
        subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child,
    ):
        theirs.close()
        channel = SocketChannel(ours)
        channel.send(request.to_message())
        ended = Ended()
        while (message := channel.receive()) is not None:
            ended.messages.append(message)
        ended.stdout, ended.stderr = child.communicate()
        ended.status = child.returncode
    return ended


@pytest.mark.parametrize("body", ["pass", "raise ValueError"])
def test_the_last_message_says_when_the_script_began(attempt, body):
    before = time.monotonic()
    ended = attempt(f"def main(): {body}")
    assert before < ended.messages[-1]["began"] < time.monotonic()


def test_a_result_comes_back_with_status_0(attempt):
    ended = attempt(
        """
        from pixyz_worker.script import *

        @pixyz_schedule(queue="gpu")
        def main(pc: ProgramContext, params: dict):
            pc.progress_set_total(1)
            pc.progress_next("Greeting")
            print("printed")
            return {"hello": params["name"], "task": pc["task_id"]}

        if __name__ == "__main__":
            raise SystemExit("this block is for local runs")
        """,
        params={"name": "Ada"},
        task_id="t1",
    )
    assert [message["type"] for message in ended.messages] == ["progress_total", "step", "result"]
    assert ended.last == {"type": "result", "value": {"hello": "Ada", "task": "t1"}}
    assert (ended.status, ended.stdout, ended.stderr) == (0, "printed\n", "")


@pytest.mark.parametrize(
    ("definition", "result"),
    [
        ("def main(): return 1", 1),
        ("def main(pc): return pc['queue']", "gpu"),
        ("def main(pc, params): return params", {"a": 1}),
        ("def main(pc, params=None): return params", {"a": 1}),
        ("def main(*all): return len(all)", 2),
        ("def main(pc, *, loud=True): return loud", True),
        ("async def main(pc, params):\n import asyncio\n await asyncio.sleep(0)\n return params", {"a": 1}),
        ("class Main:\n def __call__(self, pc): return 2\nmain = Main()", 2),
        ("import functools\nmain = functools.partial(lambda a, pc: a, 3)", 3),
    ],
)
def test_an_entry_point_takes_what_it_wants(attempt, definition, result):
    assert attempt(definition, params={"a": 1}, queue="gpu").last == {"type": "result", "value": result}


def test_the_process_looks_like_python_running_the_script(attempt, tmp_path):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "beside.py").write_text("value = 5")
    ended = attempt(
        """
        import dataclasses, os, pickle, sys, __main__
        import beside

        @dataclasses.dataclass
        class Part:
            name: str

        def main():
            again = pickle.loads(pickle.dumps(Part("bolt")))
            return [sys.argv, os.getcwd(), sys.path[0], __file__, __name__, __main__.__file__, beside.value, again]
        """
    )
    script, folder = str(tmp_path / "inputs" / "job.py"), str(tmp_path / "inputs")
    work = str(tmp_path / "work")
    assert ended.last["value"] == [[script], work, folder, script, "job", script, 5, {"name": "bolt"}]


@pytest.mark.parametrize("name", ["json.py", "my-script.py", "pixyz_scheduler.py", "1.py"])
def test_a_script_hides_no_module_by_its_name(attempt, name):
    ended = attempt(
        "import pickle\nclass A: pass\ndef main():\n pickle.loads(pickle.dumps(A()))\n"
        "import_ok = __import__('json').dumps({})",
        name=name,
    )
    assert ended.last == {"type": "result", "value": None}


def test_a_request_with_its_source_needs_no_file(tmp_path):
    source = "def main():\n    raise ValueError('shown')\n"
    gone = AttemptRequest({"script": str(tmp_path / "gone.py")}, source=source)
    ended = run_child(gone)
    assert ended.last["error"] == "ValueError: shown"
    assert 'File "gone.py", line 2, in main\n    raise ValueError(' in ended.last["traceback"]


@pytest.mark.parametrize(
    ("source", "kind", "error"),
    [
        ("def main(): raise ValueError('bad')", "script", "ValueError: bad"),
        ("def main(): raise ValueError", "script", "ValueError"),
        ("def main(): raise ValueError('two\\n lines')", "script", "ValueError: two lines"),
        ("def main(): raise ValueError('a\\ud800')", "script", "ValueError: a\\ud800"),
        ("def main(): {}['gone']", "script", "KeyError: 'gone'"),
        ("def main(): raise KeyboardInterrupt", "script", "KeyboardInterrupt"),
        ("def main(): main()", "script", "RecursionError: maximum recursion depth exceeded"),
        ("1 / 0", "script", "ZeroDivisionError: division by zero"),
        (
            "class E(Exception):\n def __init__(self, a, b): super().__init__(f'{a} {b}')\ndef main(): raise E(1, 2)",
            "script",
            "E: 1 2",
        ),
        (
            "class E(Exception):\n def __str__(self): raise OSError\ndef main(): raise E",
            "script",
            "E: (its text cannot be shown: __str__ raised OSError)",
        ),
        ("def main(): return b'x'", "result", "result is of type bytes, which JSON cannot hold"),
        ("def main(): return {'a': [0, float('nan')]}", "result", 'result["a"][1] is nan'),
        ("def main(): return '\\ud800'", "result", "result has a lone surrogate at character 0"),
        (
            "def main():\n r = []\n for _ in range(5000): r = [r]\n return r",
            "result",
            "result[0][0][0] is nested more than 100 levels deep",
        ),
        ("def main(): return 'x' * (65 << 20)", "result", "longer than 67108864 bytes"),
        ("def main(): return 'é' * (33 << 20)", "result", "longer than 67108864 bytes"),
        ("def main(): return chr(1) * (20 << 20)", "result", "bytes; at most 83886080 are allowed"),
        ("def main(pc): pc.progress_output('x' * (2 << 20))", "result", "longer than 1048576"),
        ("def main(pc): pc.progress_output(b'x')", "result", "progress_output is of type bytes"),
        ("def main(:\n pass", "syntax", "SyntaxError: invalid syntax (job.py, line 1); the script must be valid for"),
        (b"def main(): return '\xff'", "syntax", "SyntaxError: "),
        (b"\x7fELF\x00\x00", "syntax", "SyntaxError: "),
        (b"# coding: nix\n", "syntax", "SyntaxError: "),
        ("x = " + "(" * 5000, "syntax", "SyntaxError: "),
        ("x = " + "-" * 200_000 + "1", "syntax", "SyntaxError: "),
        ("import nix.da", "import", "ModuleNotFoundError: No module named 'nix'; install it where the script runs"),
        ("import pxz", "import", "the Pixyz SDK is not on this machine; set PIXYZ_PYTHON_PATH"),
        ("from math import nix", "import", "ImportError: cannot import name 'nix' from 'math'"),
        ("def other(): pass\ndef more(): pass", "script", "The script has no function 'main'; it has other, more."),
        ("main = 3", "script", "The script has no function 'main'; it has no function at all."),
        ("def main(a, b, c): pass", "script", "main(a, b, c) cannot be an entry point"),
        ("def main(*, needed): pass", "script", "main(*, needed) cannot be an entry point"),
    ],
)
def test_an_error_is_told_in_one_line(attempt, source, kind, error):
    ended = attempt(source)
    assert ended.status == 1
    assert ended.last["type"] == "error"
    assert error in ended.last["error"]
    assert "\n" not in ended.last["error"]
    assert ended.last["kind"] == kind
    assert ended.last["traceback"]


def test_a_traceback_shows_the_users_frames_innermost_last(attempt, tmp_path):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "beside.py").write_text("import json\ndef read(text):\n    return json.loads(text)\n")
    ended = attempt(
        """
        import beside
        def main(pc):
            try:
                beside.read("{")
            except ValueError as error:
                raise RuntimeError("cannot read") from error
        """
    )
    lines = [line.strip() for line in ended.last["traceback"].splitlines() if line.strip(" ^~")]
    assert lines == [
        "Traceback (most recent call last):",
        'File "job.py", line 5, in main',
        'beside.read("{")',
        'File "beside.py", line 3, in read',
        "return json.loads(text)",
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "The above exception was the direct cause of the following exception:",
        "Traceback (most recent call last):",
        'File "job.py", line 7, in main',
        'raise RuntimeError("cannot read") from error',
        "RuntimeError: cannot read",
    ]


@pytest.mark.parametrize("call", ["sys.exit(0)", "sys.exit()", "raise SystemExit"])
@pytest.mark.parametrize("place", ["def main(): {}", "{}"], ids=["in main", "at module level"])
def test_exit_0_before_a_result_is_an_error_that_says_so(attempt, call, place):
    ended = attempt(f"import sys\n{place.format(call)}")
    assert ended.last["error"] == "The script called sys.exit(0) before returning a result."
    assert (ended.last["kind"], ended.last["exit_code"], ended.status) == ("script", 0, 1)
    assert 'File "job.py", line 2' in ended.last["traceback"]


@pytest.mark.parametrize(
    ("call", "status"), [("sys.exit(3)", 3), ("sys.exit('bye')", 1), ("sys.exit(256)", 1), ("os._exit(7)", 7)]
)
@pytest.mark.parametrize("place", ["def main(): {}", "{}"], ids=["in main", "at module level"])
def test_any_other_exit_is_the_childs_own_status_and_no_message(attempt, call, status, place):
    ended = attempt(f"import os, sys\n{place.format(call)}")
    assert (ended.messages, ended.status) == ([], status)
    assert ("SystemExit" in ended.stderr) is ("sys" in call)


def test_a_crash_is_a_signal_and_no_message(attempt):
    ended = attempt("import os, signal\ndef main(): os.kill(os.getpid(), signal.SIGSEGV)")
    assert (ended.messages, ended.status) == ([], -11)


def test_more_steps_than_announced_are_just_sent(attempt):
    ended = attempt("def main(pc):\n pc.progress_set_total(1)\n for i in range(100): pc.progress_next(i)")
    assert [message["type"] for message in ended.messages] == ["progress_total", *["step"] * 100, "result"]


def test_a_large_result_and_large_params_cross(attempt):
    ended = attempt("def main(pc, params): return params", params={"a": "é" * 1_000_000}, send_source=True)
    assert ended.last == {"type": "result", "value": {"a": "é" * 1_000_000}}


def test_threads_and_executors_finish_before_the_result(attempt):
    ended = attempt(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        def main(pc):
            gate = threading.Event()
            def work():
                gate.wait()
                print("written")
            ThreadPoolExecutor(2).submit(work)
            threading.Timer(0.05, gate.set).start()
        """
    )
    assert (ended.last["type"], ended.stdout) == ("result", "written\n")


def test_a_fork_of_the_script_does_not_answer_twice(attempt):
    ended = attempt(
        """
        import os
        def main():
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            return {"parent": bool(child)}
        """
    )
    assert (len(ended.messages), ended.last) == (1, {"type": "result", "value": {"parent": True}})


def test_process_pools_work_forked_and_spawned(attempt):
    ended = attempt(
        """
        import multiprocessing
        def square(n): return n * n
        def main():
            squares = []
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    squares.append(pool.map(square, [1, 2, 3]))
            return squares
        """
    )
    assert ended.last == {"type": "result", "value": [[1, 4, 9], [1, 4, 9]]}


def test_a_script_that_closes_its_streams_still_answers(attempt):
    ended = attempt("import sys\ndef main():\n sys.stdout.close()\n sys.stderr = None\n return 1")
    assert ended.last == {"type": "result", "value": 1}


REHEARSED_CHILD = CHILD.replace(
    "channel =", "from pixyz_scheduler.script.rehearsal import rehearse; rehearse(times=1); channel ="
)


def test_a_rehearsal_leaves_nothing_behind(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import linecache, sys\n"
        "def main():\n"
        " traces = [m for m in [*sys.modules, *sys.path, *linecache.cache, *sys.argv] if 'rehearsal' in m]\n"
        " return [traces, sys.path.count(sys.path[0])]"
    )
    ended = run_child(AttemptRequest({"script": str(script)}), program=REHEARSED_CHILD)
    traces, count = ended.last["value"]
    assert [trace for trace in traces if "pixyz_rehearsal" in trace] == []
    assert count == 1
    assert [message["type"] for message in ended.messages] == ["result"]


def test_a_deaf_supervisor_ends_the_child(tmp_path):
    script = tmp_path / "job.py"
    script.write_text("def main(pc):\n while True: pc.progress_next('x')")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", CHILD, str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL) as child:
        theirs.close()
        SocketChannel(ours).send(AttemptRequest({"script": str(script)}).to_message())
        SocketChannel(ours).receive()
        ours.close()
        assert child.wait() != 0


@pytest.mark.parametrize("message", [{}, {"context": {}}, {"context": []}, {"context": {"script": 3}}])
def test_a_request_that_names_no_script_is_refused(message):
    with pytest.raises(ChannelError, match="names the script"):
        AttemptRequest.from_message(message)


def test_a_request_survives_its_wire():
    request = AttemptRequest({"script": "a.py", "params": {"a": 1}}, None, "x = 1")
    assert AttemptRequest.from_message(json.loads(json.dumps(request.to_message()))) == request
