"""What goes wrong, and that it is always said in one shape."""

import os
import resource
import signal

import httpx
import pytest

from pixyz_scheduler import errors
from pixyz_scheduler.api.problems import STATUSES, problem, status_of
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.embedded import EmbeddedStore
from tests.contract.api.conftest import KEY, running, settings_for

NOBODY = "00000000-0000-4000-8000-000000000000"
ROUTES = [
    ("GET", "/jobs/{}"),
    ("GET", "/jobs/{}/details"),
    ("POST", "/jobs/{}/cancel"),
    ("POST", "/jobs/{}/retry"),
    ("DELETE", "/jobs/{}"),
    ("GET", "/jobs/{}/outputs"),
    ("GET", "/jobs/{}/outputs/archive"),
    ("GET", "/jobs/{}/outputs/a/b.glb"),
    ("GET", "/backend/get_task_meta/{}"),
]
BAD_IDS = [
    "x",
    NOBODY[:-1],
    NOBODY + "0",
    NOBODY.replace("-", ""),
    NOBODY.replace("0", "g"),
    f"{{{NOBODY}}}",
    "%00",
    "1",
]


def told(answer, code, message):
    """The one shape; gives the details."""
    assert answer.status_code == code, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    details = body["detail"].pop("details")
    assert body == {"detail": {"code": code, "message": message}}
    return details


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unknown_job_is_404_on_every_route(api, method, path):
    answer = api.http.request(method, path.format(NOBODY))
    assert told(answer, 404, "Not Found") == f"No job has the id {NOBODY}."


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("job_id", BAD_IDS)
def test_what_is_no_uuid_is_400_on_every_route(api, method, path, job_id):
    answer = api.http.request(method, path.format(job_id))
    assert "is not a job id: it has the form 8-4-4-4-12" in told(answer, 400, "Bad Request")


@pytest.mark.parametrize("path", ["/nothing", "/jobs/a/b/c/d", "/job", "/processes/a/b", "/docs/x"])
def test_an_unknown_path_is_404(api, path):
    assert told(api.http.get(path), 404, "Not Found") == f"There is nothing at {path}."


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/jobs/x", "GET"),
        ("POST", "/processes", "GET"),
        ("PATCH", "/metrics", "GET"),
        ("GET", "/dev/callback", "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_405(api, method, path, allowed):
    answer = api.http.request(method, path)
    assert answer.headers["allow"] == allowed
    assert told(answer, 405, "Method Not Allowed") == f"{path} does not take {method}, but {allowed}."


def test_an_unknown_process_is_400_and_names_those_there_are(api):
    details = told(api.http.get("/processes/nope"), 400, "Bad Request")
    assert details == "There is no process 'nope'. Processes: silent, sleep."


def test_a_process_without_a_docstring_is_404(api):
    assert "silent" in told(api.http.get("/processes/silent"), 404, "Not Found")


def test_a_body_over_the_limit_is_413_announced_or_not(store_url, tmp_path):
    def chunks():
        for _ in range(40):
            yield b"x" * 100_000

    head = {"content-type": "multipart/form-data; boundary=limit"}
    with running(settings_for(store_url, tmp_path, max_upload_size=2_000_000)) as api:
        assert api.send(files={"file": ("a.bin", b"x" * 1_900_000)}).status_code == 200
        before = api.on_share()
        for answer in (
            api.send(files={"file": ("a.bin", b"x" * 2_000_000)}),
            api.http.post("/jobs", content=chunks(), headers=head),
        ):
            details = told(answer, 413, "Content Too Large")
            assert details == "The body has more than the 2000000 bytes that MAX_UPLOAD_SIZE allows."
            assert api.on_share() == before
        assert api.http.get("/processes").status_code == 200


def test_a_full_disk_is_507_and_leaves_nothing(api):
    before = api.on_share()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    try:
        answer = api.send(files={"file": ("a.bin", b"x" * 4_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert told(answer, 507, "Insufficient Storage").startswith("No room left for a.bin")
    assert api.on_share() == before


def test_a_share_that_is_away_is_said(store_url, tmp_path):
    with running(settings_for(store_url, tmp_path)) as api:
        api.share.root.rename(tmp_path / "away")
        details = told(api.send(), 503, "Service Unavailable")
        assert "is not there" in details
        ready = api.http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert "is not there" in ready.json()["problems"]["share"]
        (tmp_path / "away").rename(api.share.root)
        assert api.http.get("/health/ready").json() == {"status": "ok", "problems": {}, "durability": "relaxed"}


def test_redis_down_is_said_soon_by_every_route_that_needs_it(tmp_path):
    with EmbeddedStore.start(tmp_path) as store:
        settings = settings_for(store.store_url, tmp_path)
        with running(settings) as api:
            job_id = api.new_job()
            before = api.on_share()
            store.stop()
            asked = [(method, path.format(job_id)) for method, path in ROUTES]
            for method, path in [("GET", "/jobs"), *asked]:
                answer = api.http.request(method, path)
                assert "Redis does not answer" in told(answer, 503, "Service Unavailable")
                assert int(answer.headers["retry-after"]) > 0
            assert "Redis does not answer" in told(api.send(), 503, "Service Unavailable")
            assert api.on_share() == before
            assert api.http.get("/processes").status_code == 200
            assert httpx.get(f"{api.url}/health/live").status_code == 200
            ready = httpx.get(f"{api.url}/health/ready")
            assert (ready.status_code, ready.json()["problems"]) == (503, {"store": "Redis does not answer."})


def test_a_redis_that_hangs_is_said_too_and_what_needs_it_not_goes_on(tmp_path):
    with EmbeddedStore.start(tmp_path) as store, running(settings_for(store.store_url, tmp_path)) as api:
        job_id = api.new_job()
        with connect(store.store_url) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            assert api.http.get("/processes").status_code == 200
            assert "Redis" in told(api.http.get(f"/jobs/{job_id}"), 503, "Service Unavailable")
        finally:
            os.kill(pid, signal.SIGCONT)
        while (answer := api.http.get(f"/jobs/{job_id}")).status_code == 503:
            pass
        assert answer.status_code == 200


def test_an_error_that_nobody_foresaw_is_500_without_a_word_of_it(api, caplog):
    job_id = api.new_job()
    with connect(str(api.settings.store_url)) as client:
        client.hset(f"ps:job:{job_id}", "options", "{secret")
    answer = api.http.get(f"/jobs/{job_id}")
    assert told(answer, 500, "Internal Server Error") == "An error of the server's own. Its log has the details."
    assert "secret" not in answer.text
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]
    assert api.http.get("/processes").status_code == 200, "the connection lives on"


def test_a_record_of_another_version_is_500_and_says_so(api):
    job_id = api.new_job()
    with connect(str(api.settings.store_url)) as client:
        client.hset(f"ps:job:{job_id}", "v", "999")
    assert "has version '999'" in told(api.http.get(f"/jobs/{job_id}"), 500, "Internal Server Error")


def test_cors_lets_the_configured_origin_in_without_asking_its_question_for_a_key(store_url, tmp_path):
    with running(settings_for(store_url, tmp_path, cors_origins="https://viewer.example.com")) as api:
        asks = {"Origin": "https://viewer.example.com", "Access-Control-Request-Method": "POST"}
        answer = httpx.options(f"{api.url}/jobs", headers={**asks, "Access-Control-Request-Headers": "x-api-key"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://viewer.example.com"
        assert "x-api-key" in answer.headers["access-control-allow-headers"]
        other = httpx.get(f"{api.url}/", headers={"Origin": "https://other.example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_the_callback_is_there_for_developers_only(api, store_url, tmp_path, caplog):
    caplog.set_level("INFO")
    answer = api.http.post("/dev/callback", json={"job": 1})
    assert (answer.status_code, answer.json()) == (200, None)
    assert 'callback: {"job": 1}' in caplog.text
    assert "The body is not JSON" in told(api.http.post("/dev/callback", content=b"{"), 400, "Bad Request")
    assert told(api.http.post("/dev/callback", content=b"1" * 2_000_000), 413, "Content Too Large")
    with running(settings_for(store_url, tmp_path, debug=False)) as other:
        assert told(other.http.post("/dev/callback", json={}), 404, "Not Found")
        assert "/dev/callback" not in other.http.get("/openapi.json").json()["paths"]


def every_error(kind=errors.SchedulerError):
    for each in kind.__subclasses__():
        yield each
        yield from every_error(each)


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=lambda kind: kind.__name__))
def test_every_error_has_a_status(kind):
    error = kind.__new__(kind)
    expected = next((STATUSES[each] for each in kind.__mro__ if each in STATUSES), 500)
    assert status_of(error) == expected
    assert problem(expected, "x").status_code == expected


def test_the_table_of_statuses():
    assert {kind.__name__: int(status) for kind, status in STATUSES.items()} == {
        "BadInput": 400,
        "AccessDenied": 401,
        "NotFound": 404,
        "Conflict": 409,
        "IdempotencyKeyReused": 422,
        "UploadTooLarge": 413,
        "NotReady": 425,
        "RecordError": 500,
        "Unavailable": 503,
        "StorageFull": 507,
    }


def test_requests_after_a_refused_one_go_on_over_the_same_connection(api):
    with httpx.Client(base_url=api.url, headers={"x-api-key": KEY}) as http:
        for _ in range(3):
            assert http.post("/jobs", json={}).status_code == 400
            assert http.get("/jobs/x").status_code == 400
            assert http.get("/processes").status_code == 200
