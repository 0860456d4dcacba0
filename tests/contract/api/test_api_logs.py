"""What a job prints: the whole log, a part of it, what comes, which attempts have one, and no way out of its folder."""

import os
import threading
from contextlib import ExitStack

import httpx
import pytest

from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.retry import Finish, TryAgain
from pixyz_scheduler.jobs.state import JobState
from tests.contract.api.conftest import KEY, serving, settings_for

AGAIN = TryAgain(queue="cpu", tally=Tally(crashes=1), cause="signal", error="It was killed.")
TEXT = "text/plain; charset=utf-8"


def log_of(api, job_id, attempt=1):
    path = api.share.folder(job_id).log_path(attempt)
    path.parent.mkdir(exist_ok=True)
    return path


def get(api, job_id, headers=None, **query):
    return api.http.get(f"/jobs/{job_id}/logs", params=query, headers=headers)


def message(answer):
    return answer.json()["detail"]["details"]


@pytest.fixture
def running_job(api):
    job_id = api.new_job()
    api.claim(job_id)
    yield job_id
    api.http.delete(f"/jobs/{job_id}")


def finish(api, job_id):
    assert api.commit(job_id, Finish(JobState.SUCCESS), result="null") is JobState.SUCCESS


def test_a_log_is_plain_text_with_the_offset_to_go_on_from(api, running_job):
    log_of(api, running_job).write_bytes("Import läuft\n".encode())
    answer = get(api, running_job)
    assert (answer.status_code, answer.text) == (200, "Import läuft\n")
    assert answer.headers["content-type"] == TEXT
    assert answer.headers["x-log-attempt"] == "1"
    assert answer.headers["x-log-next-offset"] == "14"
    assert answer.headers["content-length"] == "14"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_log_is_read_in_parts_and_nothing_is_told_twice(api, running_job):
    log_of(api, running_job).write_bytes(b"one\n")
    offset = get(api, running_job).headers["x-log-next-offset"]
    nothing = get(api, running_job, offset=offset)
    assert (nothing.content, nothing.headers["x-log-next-offset"]) == (b"", "4")
    with log_of(api, running_job).open("ab") as file:
        file.write(b"two\n")
    more = get(api, running_job, offset=offset)
    assert (more.content, more.headers["x-log-next-offset"]) == (b"two\n", "8")


def test_beyond_the_end_there_is_nothing_yet_and_the_offset_stays(api, running_job):
    log_of(api, running_job).write_bytes(b"one\n")
    answer = get(api, running_job, offset=1000)
    assert (answer.status_code, answer.content, answer.headers["x-log-next-offset"]) == (200, b"", "1000")


def test_a_log_of_many_batches_arrives_byte_for_byte(api, running_job):
    data = bytes(range(256)) * 10_000
    log_of(api, running_job).write_bytes(data)
    assert get(api, running_job).content == data
    assert get(api, running_job, offset=300_000).content == data[300_000:]


def test_the_last_attempt_is_shown_unless_another_is_asked_for(api, running_job):
    log_of(api, running_job, 1).write_bytes(b"first")
    api.commit(running_job, AGAIN)
    assert get(api, running_job).text == "first"
    assert get(api, running_job, attempt=2).text == ""
    api.claim(running_job)
    log_of(api, running_job, 2).write_bytes(b"second")
    last = get(api, running_job)
    assert (last.text, last.headers["x-log-attempt"]) == ("second", "2")
    assert get(api, running_job, attempt=1).text == "first"
    none = get(api, running_job, attempt=3)
    assert (none.status_code, message(none)) == (404, f"Job {running_job} has no attempt 3; it has 1 to 2.")


def test_json_is_the_list_of_attempts_that_have_printed_something(api, running_job):
    assert get(api, running_job, {"accept": "application/json"}).json() == {"attempts": []}
    log_of(api, running_job, 1).write_bytes(b"first")
    (log_of(api, running_job, 1).parent / "attempt-x.log").write_bytes(b"none of ours")
    assert get(api, running_job, {"accept": "application/json"}).json() == {
        "attempts": [{"attempt": 1, "size": 5, "is_over": False}]
    }
    finish(api, running_job)
    assert get(api, running_job, {"accept": "application/json"}).json() == {
        "attempts": [{"attempt": 1, "size": 5, "is_over": True}]
    }


@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8", "application/json, text/plain, */*", ""])
def test_who_takes_anything_gets_the_log(api, running_job, accept):
    log_of(api, running_job, 1).write_bytes(b"first")
    assert get(api, running_job, {"accept": accept}).text == "first"
    only_json = get(api, running_job, {"accept": "application/json; charset=utf-8"})
    assert only_json.headers["content-type"] == "application/json"


def test_a_job_that_waits_has_an_empty_log(api):
    answer = get(api, api.new_job())
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["x-log-attempt"], answer.headers["x-log-next-offset"]) == ("1", "0")


def test_a_job_that_was_cancelled_before_it_began_has_no_attempt(api):
    job_id = api.new_job()
    api.http.post(f"/jobs/{job_id}/cancel")
    answer = get(api, job_id)
    assert (answer.status_code, message(answer)) == (404, f"Job {job_id} has no attempt 1: none has begun.")


def test_an_unknown_job_is_404(api):
    answer = get(api, "0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d", follow=True)
    assert (answer.status_code, message(answer)) == (404, "No job has the id 0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d.")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"attempt": "0"}, "attempt"),
        ({"attempt": "-1"}, "attempt"),
        ({"attempt": "last"}, "attempt"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "1.5"}, "offset"),
        ({"offset": "1e400"}, "offset"),
        ({"follow": "perhaps"}, "follow"),
    ],
)
def test_what_is_no_number_is_400_and_named(api, running_job, query, names):
    answer = get(api, running_job, **query)
    assert answer.status_code == 400
    assert message(answer).startswith(f"{names} is ")


@pytest.mark.parametrize("offset", [2**62, 2**70])
@pytest.mark.parametrize("follow", [False, True])
def test_an_offset_that_no_disk_has_is_beyond_the_end(api, running_job, offset, follow):
    log_of(api, running_job).write_bytes(b"one\n")
    finish(api, running_job)
    answer = get(api, running_job, offset=offset, follow=follow)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "linked folder"])
def test_what_the_script_put_in_a_logs_place_is_not_read(api, running_job, what, tmp_path):
    (tmp_path / "attempt-1.log").write_text("secret")
    path = log_of(api, running_job)
    if what == "link":
        path.symlink_to(tmp_path / "attempt-1.log")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.parent.rmdir()
        path.parent.symlink_to(tmp_path)
    answer = get(api, running_job)
    assert (answer.status_code, answer.content) == (200, b"")
    assert get(api, running_job, {"accept": "application/json"}).json() == {"attempts": []}


def test_a_share_that_is_away_is_503(api, running_job):
    away = api.share.root.rename(api.share.root.with_name("elsewhere"))
    try:
        assert get(api, running_job).status_code == 503
    finally:
        away.rename(api.share.root)
    assert get(api, running_job).status_code == 200


def test_a_job_without_a_folder_keeps_no_log(api, running_job):
    api.share.folder(running_job).remove()
    answer = get(api, running_job)
    assert answer.status_code == 404
    assert message(answer) == f"Job {running_job} keeps no log: it has no folder on the share."


def test_a_follower_gets_what_comes_and_is_let_go_at_the_attempts_end(api, running_job):
    path = log_of(api, running_job)
    path.write_bytes(b"zero\none\n")
    with api.http.stream("GET", f"/jobs/{running_job}/logs", params={"follow": "true", "offset": 5}) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
        assert answer.headers["x-log-attempt"] == "1"
        assert "x-log-next-offset" not in answer.headers
        lines = answer.iter_lines()
        assert next(lines) == "one"
        for line in (b"two\n", "drei ü\n".encode()):
            with path.open("ab") as file:
                file.write(line)
            assert next(lines) == line.decode().rstrip()
        with path.open("ab") as file:
            file.write(b"the end\n")
        finish(api, running_job)
        assert list(lines) == ["the end"]


def test_a_follower_of_a_job_that_waits_sees_it_begin(api):
    job_id = api.new_job()
    with api.http.stream("GET", f"/jobs/{job_id}/logs", params={"follow": "true"}) as answer:
        api.claim(job_id)
        log_of(api, job_id).write_bytes(b"it begins\n")
        lines = answer.iter_lines()
        assert next(lines) == "it begins"
        finish(api, job_id)
        assert list(lines) == []


def test_a_follower_of_what_is_over_gets_it_and_goes(api, running_job):
    log_of(api, running_job).write_bytes(b"all of it\n")
    finish(api, running_job)
    assert get(api, running_job, follow=True).text == "all of it\n"


def test_a_follower_is_let_go_when_the_job_is_tried_again_or_removed(api):
    job_id = api.new_job()
    api.claim(job_id)
    with api.http.stream("GET", f"/jobs/{job_id}/logs", params={"follow": "true"}) as answer:
        api.commit(job_id, AGAIN)
        assert list(answer.iter_lines()) == []
    with api.http.stream("GET", f"/jobs/{job_id}/logs", params={"follow": "true", "attempt": 2}) as answer:
        api.http.delete(f"/jobs/{job_id}")
        assert list(answer.iter_lines()) == []


def test_two_hundred_followers_hold_no_thread_and_all_hear_the_same(api, running_job):
    """More than there are threads for requests: were each to hold one, nobody else would be answered."""
    path = log_of(api, running_job)
    with ExitStack() as stack:
        http = stack.enter_context(
            httpx.Client(
                base_url=api.url, headers=api.http.headers, timeout=30, limits=httpx.Limits(max_connections=250)
            )
        )
        query = {"follow": "true"}
        answers = [
            stack.enter_context(http.stream("GET", f"/jobs/{running_job}/logs", params=query)) for _ in range(200)
        ]
        before = threading.active_count()
        assert api.http.get(f"/jobs/{running_job}/details").status_code == 200
        assert threading.active_count() - before < 20
        path.write_bytes(b"to all\n")
        heard = [answer.iter_lines() for answer in answers]
        assert [next(lines) for lines in heard] == ["to all"] * 200
        finish(api, running_job)
        assert [list(lines) for lines in heard] == [[]] * 200


def test_who_leaves_is_not_waited_for(api, running_job):
    # A request is counted once it has ended.
    counted = 'pixyz_http_requests_total{method="GET",route="/jobs/{uuid}/logs",status="200"}'

    def ended():
        lines = api.http.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(counted))

    get(api, running_job)
    assert any(ended() == ended() for _ in range(100))
    before = ended()
    for _ in range(20):
        with api.http.stream("GET", f"/jobs/{running_job}/logs", params={"follow": "true"}) as answer:
            assert answer.status_code == 200
    assert any(ended() == before + 20 for _ in range(1000))


def test_a_server_that_stops_lets_followers_go(store_url, tmp_path):
    with ExitStack() as stack:
        with serving(settings_for(store_url, tmp_path)) as url:
            http = stack.enter_context(httpx.Client(base_url=url, headers={"x-api-key": KEY}, timeout=20))
            job_id = http.post("/jobs", data={"process": "sleep"}).json()["uuid"]
            query = {"follow": "true"}
            answer = stack.enter_context(http.stream("GET", f"/jobs/{job_id}/logs", params=query))
        # It came to its end: a server that waits for its followers cuts them off at last.
        assert answer.read() == b""
