"""Requests and answers as values: no network, no disk."""

import json

import pytest

from pixyz_scheduler.cli.exits import BY_STATUS, exit_status
from pixyz_scheduler.client import parsing, protocol
from pixyz_scheduler.client.errors import BadAddress, UnexpectedAnswer
from pixyz_scheduler.client.models import Step, TimeInfo
from pixyz_scheduler.client.pace import Pace
from pixyz_scheduler.client.parsing import Answer
from pixyz_scheduler.client.sse import Event, EventLines
from pixyz_scheduler.errors import (
    AccessDenied,
    BadInput,
    Conflict,
    NotFound,
    NotReady,
    SchedulerError,
    StorageFull,
    Unavailable,
)

UUID = "123e4567-e89b-12d3-a456-426614174000"
URL = "http://farm:8001"


def answer(body, status=200):
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), {})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://farm:8001", "http://farm:8001"),
        ("http://farm:8001/", "http://farm:8001"),
        (" https://farm/scheduler/ ", "https://farm/scheduler"),
        ("farm:8001", "http://farm:8001"),
        ("localhost", "http://localhost"),
        ("http://[::1]:8001", "http://[::1]:8001"),
        ("http://bücher.example", "http://bücher.example"),
    ],
)
def test_an_address_is_taken_as_people_write_it(given, used):
    assert protocol.address(given) == used


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "ftp://farm",
        "http://",
        "http://farm:port",
        "http://farm:99999",
        "http://[::1",
        "http://a..b",
        "http://my farm",
    ],
)
def test_an_address_that_is_none_is_refused(given):
    with pytest.raises(BadAddress, match="is not the URL of a scheduler"):
        protocol.address(given)


@pytest.mark.parametrize(
    ("path", "served"),
    [("a.glb", "a.glb"), ("parts/a b.glb", "parts/a%20b.glb"), ("ü?#%.glb", "%C3%BC%3F%23%25.glb"), ("a\\b", "a/b")],
)
def test_an_output_is_asked_for_by_its_quoted_path(path, served):
    assert protocol.output_path(UUID, path) == f"/jobs/{UUID}/outputs/{served}"


@pytest.mark.parametrize("path", ["", ".", "..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", "..\\x"])
def test_a_path_that_is_no_output_is_refused(path):
    with pytest.raises(BadInput, match="is not the path of an output"):
        protocol.output_path(UUID, path)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadInput),
        (401, AccessDenied),
        (404, NotFound),
        (409, Conflict),
        (425, NotReady),
        (500, UnexpectedAnswer),
        (503, Unavailable),
        (507, StorageFull),
    ],
)
def test_a_refusal_becomes_the_error_that_the_server_meant(status, kind):
    error = parsing.refusal(answer({"detail": {"code": status, "message": "M", "details": "Why."}}, status), URL)
    assert type(error) is kind
    assert "Why" in str(error)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"detail": {"code": 404, "message": "Not Found", "details": None}}, "Not Found"),
        ({"detail": "Not Found"}, "Not Found"),
        (b"", f"{URL} answered 404 without a reason: is a Pixyz Scheduler there?"),
        (
            b"<h1>nginx</h1>",
            f"{URL} answered 404 without a reason: is a Pixyz Scheduler there? It said: <h1>nginx</h1>",
        ),
        (b"\xff\xfe", f"{URL} answered 404 without a reason: is a Pixyz Scheduler there? It said: \ufffd\ufffd"),
        ([1], f"{URL} answered 404 without a reason: is a Pixyz Scheduler there? It said: [1]"),
    ],
)
def test_a_refusal_in_any_shape_gets_a_text(body, text):
    assert str(parsing.refusal(answer(body, 404), URL)) == text


def test_a_long_page_is_quoted_in_part():
    assert len(str(parsing.refusal(answer(b"x" * 10_000, 502), URL))) < 500


@pytest.mark.parametrize(
    ("told", "progress"), [(None, None), (0, 0), (50, 50), (33.4, 33), (9990, 100), (-5, 0), ("50", None)]
)
def test_progress_is_a_percent_or_nothing(told, progress):
    assert parsing.job_state(answer({"uuid": UUID, "status": "RUNNING", "progress": told})).progress == progress


def test_details_are_read_from_the_example_of_the_contract():
    details = parsing.job_details(
        answer(
            {
                "uuid": UUID,
                "name": None,
                "status": "SUCCESS",
                "progress": 100,
                "error": None,
                "time_info": {
                    "request": "2024-12-11T10:18:10.330667",
                    "started": "2024-12-11T10:18:10.345332+00:00",
                    "stopped": "2024-12-11T10:18:10.463219+00:00",
                },
                "steps": [{"duration": 0.112, "info": "Sleeping for 0.1 seconds"}],
                "retry": 0,
                "result": {"sleep": 0.1},
            }
        )
    )
    assert details.steps == (Step("Sleeping for 0.1 seconds", 0.112),)
    assert details.time_info.request == "2024-12-11T10:18:10.330667"
    assert (details.retry, details.result, details.succeeded) == (0, {"sleep": 0.1}, True)


def test_what_an_older_server_leaves_out_is_not_missed():
    details = parsing.job_details(answer({"uuid": UUID, "status": "PENDING", "steps": None, "time_info": None}))
    assert (details.steps, details.time_info, details.retry, details.result) == ((), TimeInfo(), 0, None)
    assert details.step is None


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", {"status": "SENT"}, {"uuid": 3}])
def test_an_answer_that_is_no_job_is_unexpected(body):
    with pytest.raises(UnexpectedAnswer):
        parsing.job_state(answer(body))


@pytest.mark.parametrize(
    ("welcome", "version"),
    [
        ("Welcome to Pixyz Scheduler 3.2.1 !", "3.2.1"),
        ('"Pixyz Scheduler API v1.0.0rc1."', "1.0.0rc1"),
        ("Hello", "Hello"),
        ("Pixyz Scheduler 0.1.0", "0.1.0"),
    ],
)
def test_the_version_stands_in_the_welcome(welcome, version):
    assert parsing.version(answer(welcome.encode())) == version


def test_the_key_is_sent_in_its_header_and_never_with_a_line_break():
    assert protocol.headers(" kéy\n") == {b"x-api-key": "kéy".encode()}
    assert protocol.headers(None) == protocol.headers(" ") == {}
    with pytest.raises(AccessDenied, match="characters that no key has"):
        protocol.headers("a\r\nx-evil: 1")


def test_events_are_made_of_lines():
    lines = EventLines()
    fed = [
        "retry: 2000",
        ": ping",
        "",
        "id: 7",
        "event: job",
        "data: a",
        "data:b",
        "",
        "data: c",
        "",
        "id",
        "",
        "data: d",
    ]
    assert [event for event in map(lines.feed, fed) if event] == [Event("a\nb", "job", "7"), Event("c", id="7")]
    assert lines.feed("") == Event("d", id="")


def test_the_pace_grows_to_its_longest_and_stays_there():
    pace = Pace(shortest=1, longest=5, growth=2)
    assert [pace.after(n) for n in (0, 1, 2, 3, 1_000_000)] == [1, 2, 4, 5, 5]


def test_every_status_of_the_contract_has_its_exit_status():
    contract = {"SUCCESS": 0, "FAILURE": 10, "REVOKED": 11, "RETRY": 12, "PENDING": 13, "STARTED": 14}
    contract |= {"RECEIVED": 15, "REJECTED": 16, "UNKNOWN": 17}
    assert contract.items() <= BY_STATUS.items()
    assert exit_status("DREAMING") == 17


def test_every_error_of_the_client_is_a_scheduler_error():
    assert all(issubclass(kind, SchedulerError) for kind in parsing.REFUSALS.values())
