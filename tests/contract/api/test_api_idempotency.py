"""`Idempotency-Key`: a POST that is sent again makes no second job."""

import hashlib
import socket
import threading
import uuid
from urllib.parse import urlsplit

import httpx
import pytest

from pixyz_scheduler.broker.connection import connect
from tests.contract.api.conftest import KEY, serving

SCRIPT = ("job.py", "def main(pc, params): pass\n")
FIELDS = {"name": "bracket", "params": '{"a": 1}', "config": '{"queue": "gpu", "mood": "fine"}'}


def post(http, key, *, script=SCRIPT, file=None, **fields):
    files = {"script": script} if script else {}
    return http.post(
        "/jobs", headers={"Idempotency-Key": key}, files={**files, **({"file": file} if file else {})}, data=fields
    )


def problem_of(answer, code):
    assert answer.status_code == code, answer.text
    assert answer.json()["detail"]["code"] == code
    return answer.json()["detail"]["details"]


@pytest.fixture
def key():
    return str(uuid.uuid4())


def jobs_named(api, name):
    return [job["uuid"] for job in api.http.get("/jobs", params={"name": name}).json()["jobs"]]


def test_the_same_request_again_is_answered_as_the_first_time_and_makes_no_second_job(api, key):
    name = f"once {key}"
    first = post(api.http, key, **{**FIELDS, "name": name, "mood": "fine"}, file=("a.stl", b"solid"))
    on_share = api.on_share()
    again = post(api.http, f'"{key}"', **{**FIELDS, "name": name, "mood": "fine"}, file=("a.stl", b"solid"))
    assert (first.status_code, again.status_code) == (200, 200)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    assert (first.json()["status"], len(first.json()["warnings"])) == ("SENT", 2)
    assert jobs_named(api, name) == [first.json()["uuid"]]
    assert api.settled(on_share)


def test_the_answer_stays_the_first_when_the_job_has_moved_on_and_even_when_it_is_gone(api, key):
    first = post(api.http, key)
    job_id = first.json()["uuid"]
    api.http.post(f"/jobs/{job_id}/cancel")
    assert post(api.http, key).content == first.content
    api.records.forget(job_id)
    assert post(api.http, key).content == first.content


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"params": '{"a": 2}'},
        {"config": '{"queue": "cpu"}'},
        {"script": ("job.py", "def main(pc, params): return 1\n")},
        {"script": ("other.py", SCRIPT[1])},
        {"file": ("a.stl", b"solid")},
        {"script": None, "process": "sleep"},
    ],
)
def test_another_request_with_the_same_key_is_422_and_says_so(api, key, change):
    assert post(api.http, key, **FIELDS).status_code == 200
    before = api.on_share()
    answer = post(api.http, key, **{**FIELDS, **change})
    assert "another request" in problem_of(answer, 422)
    assert answer.json()["detail"]["message"] == "Unprocessable Content"
    assert key not in answer.text
    assert api.settled(before)


def test_how_the_body_is_written_down_does_not_matter(api, key):
    first = api.http.post("/jobs", headers={"Idempotency-Key": key}, data={"process": "sleep", "params": "{}"})
    again = api.http.post(
        "/jobs", headers={"Idempotency-Key": key}, files={"params": (None, "{}"), "process": (None, "sleep")}
    )
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content


@pytest.mark.parametrize(
    ("sent", "is_key"),
    [
        ("a", True),
        ("~" * 255, True),
        ('"a b"', False),
        (r'"a\"b\\"', True),
        (r'"a\b"', False),
        ("a" * 256, False),
        ('""', False),
        ("", False),
        ('"a', False),
        ('"a";x=1', False),
        ("a b", False),
        ("é", False),
    ],
)
def test_a_key_is_1_to_255_visible_characters_quoted_or_bare(api, sent, is_key):
    headers = {b"Idempotency-Key": sent.encode("latin-1")}
    answer = api.http.post("/jobs", headers=headers, data={"process": "silent", "name": str(uuid.uuid4())})
    if is_key:
        # Another test run's, or a first one.
        assert answer.status_code in (200, 422)
    else:
        assert "Idempotency-Key must be 1 to 255 visible" in problem_of(answer, 400)


def test_a_quoted_key_and_the_bare_one_are_the_same(api, key):
    first = post(api.http, f'{key}"')
    assert post(api.http, f'"{key}\\""').content == first.content


def test_two_keys_are_no_key(api, key):
    headers = [("Idempotency-Key", key), ("Idempotency-Key", "other")]
    assert "2 times" in problem_of(api.http.post("/jobs", headers=headers, data={"process": "sleep"}), 400)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"params": "no JSON"}, 400), ({"script": ("job.py", "def")}, 400), ({"process": "nobody", "script": None}, 400)],
)
def test_a_refused_request_frees_its_key_for_the_corrected_one(api, key, change, code):
    problem_of(post(api.http, key, **{**FIELDS, **change}), code)
    assert post(api.http, key, **FIELDS).status_code == 200


def test_the_key_is_nowhere_in_the_store_or_the_log(api, key, caplog):
    caplog.set_level("DEBUG")
    post(api.http, key)
    post(api.http, key)
    post(api.http, key, name="other")
    with connect(api.settings.store_url) as client:
        digest = hashlib.sha256(key.encode()).hexdigest()
        assert client.exists(f"ps:idem:{digest}")
        for name in client.scan_iter("ps:*"):
            assert key not in name
            if client.type(name) == "hash":
                assert key not in str(client.hgetall(name))
    assert key not in caplog.text
    assert "answer given again" in caplog.text


class Stalled:
    """A POST whose body stops in the middle."""

    def __init__(self, api, key):
        address = urlsplit(api.url)
        self.socket = socket.create_connection((address.hostname, address.port))
        head = (
            f"POST /jobs HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\nIdempotency-Key: {key}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a.stl"\r\n\r\n'
        )
        self.socket.sendall(head.encode() + bytes(3 << 20))


def refused_meanwhile(api, key, code):
    """Ask until it is so: the stalled request's first batch is on its way."""
    while (answer := post(api.http, key)).status_code != code:
        assert answer.status_code in (200, 409), answer.text
    return answer


def test_while_the_first_is_at_work_the_second_is_409_and_told_when_to_ask_again(api):
    stalled = Stalled(api, key := str(uuid.uuid4()))
    with connect(api.settings.store_url) as client:
        digest = hashlib.sha256(key.encode()).hexdigest()
        while not client.exists(f"ps:idem:{digest}"):
            pass
    answer = post(api.http, key)
    assert "has not been answered yet" in problem_of(answer, 409)
    assert answer.headers["retry-after"] == "1"
    stalled.socket.close()
    # Its client has left: the key is free.
    assert refused_meanwhile(api, key, 200).json()["status"] == "SENT"


def test_two_apis_on_one_store_make_one_job_of_one_key_however_many_send_it_at_once(api, settings):
    with serving(settings) as other:
        for _ in range(15):
            key, name, answers = str(uuid.uuid4()), str(uuid.uuid4()), []

            def send(url, key=key, name=name, answers=answers):
                with httpx.Client(base_url=url, headers={"x-api-key": KEY}, timeout=20) as http:
                    while (answer := post(http, key, name=name)).status_code == 409:
                        pass
                    answers.append(answer)

            threads = [threading.Thread(target=send, args=(url,)) for url in (api.url, other) * 3]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.content for answer in answers}) == 1
            assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
            assert jobs_named(api, name) == [answers[0].json()["uuid"]]


def test_a_day_later_the_key_is_a_new_one(api, key):
    first = post(api.http, key)
    with connect(api.settings.store_url) as client:
        client.pexpire(f"ps:idem:{hashlib.sha256(key.encode()).hexdigest()}", 1)
        while client.keys(f"ps:idem:{hashlib.sha256(key.encode()).hexdigest()}"):
            pass
    assert post(api.http, key).json()["uuid"] != first.json()["uuid"]
