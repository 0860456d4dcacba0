"""Logs: the job's id on every line, one line an event, and no secret."""

import io
import json
import logging
import re
import threading
import warnings

import pytest

from pixyz_scheduler import logs

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
