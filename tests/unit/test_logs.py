"""Logs: the job's id on every line, one line an event, and no secret."""

import ast
import io
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from pixyz_scheduler import logs

ROOT = Path(__file__).parents[2]
log = logging.getLogger("pixyz_scheduler.test")


@pytest.fixture
def stream():
    """What is logged; puts the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


def test_every_line_inside_carries_the_jobs_id(stream):
    logs.set_up_logging(stream=stream)
    log.info("before")
    with logs.about_job("j-1"):
        log.info("claimed", extra={"queue": "cpu", "attempt": 1})
    log.info("after")
    before, claimed, after = stream.getvalue().splitlines()
    assert re.fullmatch(r"\S+T\S+\+00:00 INFO    \[-\] pixyz_scheduler\.test: before", before)
    assert claimed.endswith("[j-1] pixyz_scheduler.test: claimed queue=cpu attempt=1")
    assert "[-]" in after


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.usefixtures("stream")
def test_lines_are_short_on_a_terminal():
    terminal = Terminal()
    logs.set_up_logging(stream=terminal)
    with logs.about_job("6301a674-ac09-4255-9a59-acc6299c1d04"):
        log.info("attempt 1 started", extra={"queue": "cpu"})
    log.warning("the share is full")
    started, full = terminal.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d job 6301a674: attempt 1 started queue=cpu", started)
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING: the share is full", full)


@pytest.mark.parametrize(("level", "lines"), [("INFO", 1), ("DEBUG", 2)])
def test_what_libraries_tell_of_themselves_is_for_debugging(stream, level, lines):
    logs.set_up_logging(level, stream=stream)
    logging.getLogger("uvicorn.error").info("Waiting for application startup.")
    logging.getLogger("uvicorn.error").error("address already in use")
    assert len(stream.getvalue().splitlines()) == lines
    logs.set_up_logging("DEBUG", stream=stream)


def test_jobs_of_two_threads_stay_apart(stream):
    logs.set_up_logging(stream=stream)
    both_inside = threading.Barrier(2, timeout=10)

    def run(job_id):
        with logs.about_job(job_id):
            both_inside.wait()
            log.info("I am %s", job_id)

    threads = [threading.Thread(target=run, args=(job_id,)) for job_id in ("j-1", "j-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert all(re.search(r"\[(j-\d)\].*I am \1$", line) for line in lines)


def test_json_is_one_object_a_line(stream):
    logs.set_up_logging("DEBUG", style="json", stream=stream)
    with logs.about_job("j-1"):
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            log.exception("failed\nbadly", extra={"queue": "cpu", "what": object})
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert told["message"] == "failed\nbadly"
    assert (told["level"], told["logger"], told["job"], told["queue"]) == ("ERROR", log.name, "j-1", "cpu")
    assert told["exception"].endswith("ZeroDivisionError: division by zero")


def test_what_a_user_sends_cannot_forge_a_line_or_colour_a_terminal(stream):
    logs.set_up_logging(stream=stream)
    log.info("name %s", "x\n2024-01-01T00:00:00.000+00:00 INFO [-] root: all is well\x1b[2J")
    _first, second = stream.getvalue().splitlines()
    assert second.startswith("    2024")
    assert "\x1b" not in second


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("secret", ["hunter2", 'a"b\\c', "p@ss/word"])
def test_a_secret_is_never_logged(stream, style, secret):
    logs.set_up_logging(style=style, secrets=["", secret], stream=stream)
    log.info("key %s", secret, extra={"url": f"redis://:{secret}@h"})
    try:
        int(secret)
    except ValueError:
        log.exception("failed")
    assert secret not in stream.getvalue()
    assert json.dumps(secret)[1:-1] not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_the_password_of_any_address_is_blackened(stream):
    logs.set_up_logging(stream=stream)
    log.info("at redis://me:pw@h:1/0 and amqp://:x@h and http://h:1/a@b")
    assert stream.getvalue().rstrip().endswith("at redis://me:***@h:1/0 and amqp://:***@h and http://h:1/a@b")


def test_warnings_are_logged(stream):
    logs.set_up_logging(stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    assert "py.warnings: " in stream.getvalue()
    assert "DeprecationWarning: old way" in stream.getvalue()


def test_a_second_call_replaces_the_first_and_touches_no_other_handler(stream):
    others = list(logging.getLogger().handlers)
    logs.set_up_logging("DEBUG", stream=io.StringIO())
    logs.set_up_logging("WARNING", stream=stream)
    log.info("quiet")
    log.warning("loud")
    assert len(stream.getvalue().splitlines()) == 1
    assert [handler for handler in logging.getLogger().handlers if handler in others] == others


def test_a_trouble_is_told_when_it_begins_and_when_it_has_passed(stream):
    logs.set_up_logging(stream=stream)
    trouble = logs.Trouble(log, "not cleaned")
    for answer in ("well", "away", "away", "gone", "well", "well", "away"):
        if answer == "well":
            trouble.passed()
        else:
            trouble.met(OSError(answer))
    assert [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "not cleaned: away",
        "no longer: not cleaned",
        "not cleaned: away",
    ]


def test_json_tells_trace_and_span_under_their_names(stream):
    logs.set_up_logging(style="json", stream=stream)
    with logs.about_job("j-1", ("trace", "span")):
        log.info("inside")
        with logs.about_job("j-2"):
            log.info("of another")
    log.info("outside")
    inside, other, outside = map(json.loads, stream.getvalue().splitlines())
    assert list(inside) == ["time", "level", "logger", "message", "job", "trace_id", "span_id"]
    assert (inside["job"], inside["trace_id"], inside["span_id"]) == ("j-1", "trace", "span")
    assert not {"trace_id", "span_id"} & other.keys()
    assert not {"job", "trace_id", "span_id"} & outside.keys()


@pytest.mark.parametrize("secret", ["true", "null", "12345", "level", '{"a": 1}', 'xy"z', "[1.5]"])
def test_a_secret_that_reads_like_json_is_gone_and_the_line_can_still_be_read(stream, secret):
    logs.set_up_logging(style="json", secrets=[secret], stream=stream)
    value = {"flag": True, "nothing": None, "number": 12345, "parts": [1.5, secret], secret: {"deep": secret}}
    log.info("key %s", secret, extra={"value": value})
    told = json.loads(stream.getvalue())
    assert told["message"] == "key ***"
    assert told["value"]["parts"][1] == told["value"]["***"]["deep"] == "***"
    assert told["value"]["number"] == ("***" if secret == "12345" else 12345)
    assert told["value"]["flag"] is True


def test_what_json_cannot_hold_is_text(stream):
    logs.set_up_logging(style="json", stream=stream)
    log.info("x", extra={"nan": float("nan"), "far": float("inf"), "half": "\ud800", "bytes": b"\xff", "time": "mine"})
    told = json.loads(stream.getvalue(), parse_constant=pytest.fail)
    assert (told["nan"], told["far"], told["bytes"]) == ("nan", "inf", "b'\\xff'")
    assert told["time"] != "mine"


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_that_cannot_be_made_is_told_as_one_that_can(stream, style, capsys):
    # pytest's own make a failure of it.
    logging.getLogger().handlers.clear()
    logs.set_up_logging(style=style, secrets=["hush-hush"], stream=stream)
    log.info("%d of hush-hush", "many")
    (line,) = stream.getvalue().splitlines()
    assert "'%d of ***' of pixyz_scheduler.test" in (json.loads(line)["message"] if style == "json" else line)
    assert capsys.readouterr().err == ""


class Full(io.StringIO):
    def write(self, _):
        raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("stream")
def test_a_line_that_nobody_takes_is_lost_in_silence(capsys):
    logs.set_up_logging(style="json", stream=Full())
    log.info("of no use")
    assert capsys.readouterr().err == ""


UNCAUGHT = """
import sys, threading
from pixyz_scheduler.logs import log_uncaught, set_up_logging

class Ends:
    def __del__(self):
        raise OSError("in a finaliser")

set_up_logging(style="json", secrets=["hush-hush"])
log_uncaught()
thread = threading.Thread(target=lambda: 1 / 0, name="a thread")
thread.start()
thread.join()
Ends()
raise ValueError("hush-hush")
"""


def test_what_nobody_catches_is_an_object_too():
    done = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    thread, finaliser, main = map(json.loads, done.stderr.splitlines())
    assert thread["message"] == "not caught in the thread a thread: division by zero"
    assert thread["exception"].endswith("ZeroDivisionError: division by zero")
    assert finaliser["exception"].endswith("OSError: in a finaliser")
    assert (main["level"], main["message"]) == ("CRITICAL", "not caught: ***")
    assert main["exception"].endswith("ValueError: ***")


def test_every_field_that_a_line_may_have_is_documented():
    page = (ROOT / "docs" / "reference" / "logs.md").read_text()
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src" / "pixyz_scheduler").rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    extras = [word.value for call in calls for word in call.keywords if word.arg == "extra"]
    names = {key.value for extra in extras if isinstance(extra, ast.Dict) for key in extra.keys}
    assert names > {"queue", "state"}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
    ours = ("time", "level", "logger", "message", "job", "trace_id", "span_id", "exception")
    assert [name for name in ours if f"`{name}`" not in page] == []
