"""Who may come in: the key is asked for before anything else is looked at."""

import hashlib
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from tests.contract.api.conftest import KEY, running, settings_for

NOBODY = "00000000-0000-4000-8000-000000000000"
OPEN = ["/", "/docs", "/redoc", "/openapi.json", "/health/live", "/health/ready"]
CLOSED = [
    ("GET", "/processes"),
    ("GET", "/processes/sleep"),
    ("GET", "/jobs"),
    ("POST", "/jobs"),
    ("GET", f"/jobs/{NOBODY}"),
    ("GET", f"/jobs/{NOBODY}/details"),
    ("POST", f"/jobs/{NOBODY}/cancel"),
    ("POST", f"/jobs/{NOBODY}/retry"),
    ("DELETE", f"/jobs/{NOBODY}"),
    ("GET", f"/jobs/{NOBODY}/outputs"),
    ("GET", f"/jobs/{NOBODY}/outputs/archive"),
    ("GET", f"/jobs/{NOBODY}/outputs/a/b.glb"),
    ("HEAD", f"/jobs/{NOBODY}/outputs/a/b.glb"),
    ("GET", f"/backend/get_task_meta/{NOBODY}"),
    ("POST", "/dev/callback"),
    ("GET", "/scaling/cpu"),
    # Who has no key learns neither what is a uuid, nor what is there.
    ("GET", "/jobs/x"),
    ("GET", "/nothing/here"),
    ("DELETE", "/jobs"),
    ("GET", "//"),
    ("GET", "/health"),
]


@pytest.mark.parametrize("path", OPEN)
def test_some_ask_for_no_key(api, path):
    assert httpx.get(api.url + path).status_code == 200


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Send the key in the header x-api-key."),
        ({"x-api-key": "wrong"}, "The key in the header x-api-key is wrong."),
        ({"x-api-key": ""}, "The key in the header x-api-key is wrong."),
        ({"Authorization": "Bearer a key for tests"}, "Send the key in the header x-api-key."),
    ],
)
def test_all_else_is_401_without_the_key(api, method, path, headers, said):
    answer = httpx.request(method, api.url + path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "x-api-key"
    if method != "HEAD":
        assert answer.json() == {"detail": {"code": 401, "message": "Unauthorized", "details": said}}


def test_the_hash_of_the_key_is_not_the_key(api, settings):
    digest = settings.god_password_sha256.get_secret_value()
    assert httpx.get(f"{api.url}/jobs", headers={"x-api-key": digest}).status_code == 401


def test_every_route_of_the_description_asks_for_the_key_or_is_named_here(api):
    described = api.http.get("/openapi.json").json()["paths"]
    asked = {path for path, operations in described.items() if all("security" in each for each in operations.values())}
    assert described.keys() - asked == {"/", "/health/live", "/health/ready"}
    for path in asked:
        for method in described[path]:
            assert httpx.request(method.upper(), api.url + path.replace("{uuid}", NOBODY)).status_code == 401


def test_without_a_key_the_body_is_not_waited_for(api):
    where = urlsplit(api.url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(
            b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_no_other_origin_is_let_in_unless_configured(api):
    answer = api.http.get("/", headers={"Origin": "https://example.com"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


METRICS_KEY = "a key for Prometheus"


@pytest.fixture
def with_metrics_key(store_url, tmp_path):
    digest = SecretStr(hashlib.sha256(METRICS_KEY.encode()).hexdigest())
    with running(settings_for(store_url, tmp_path, metrics_password_sha256=digest)) as api:
        yield api


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"x-api-key": KEY}, 200),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer  {KEY}"}, 200),
        ({"Authorization": f"Bearer {METRICS_KEY}"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        # Who sends both is asked for the right one.
        ({"Authorization": f"Bearer {KEY}", "x-api-key": "wrong"}, 401),
    ],
)
def test_the_metrics_are_to_be_had_with_the_key_as_prometheus_can_send_it(api, headers, status):
    answer = httpx.get(f"{api.url}/metrics", headers=headers)
    assert answer.status_code == status
    assert KEY not in answer.text


@pytest.mark.parametrize("headers", [{"x-api-key": METRICS_KEY}, {"Authorization": f"Bearer {METRICS_KEY}"}])
def test_the_second_key_opens_the_metrics_and_nothing_else(with_metrics_key, headers):
    url = with_metrics_key.url
    assert httpx.get(f"{url}/metrics", headers=headers).status_code == 200
    assert httpx.get(f"{url}/metrics", headers={"x-api-key": KEY}).status_code == 200
    for method, path in (*CLOSED, ("GET", "/metrics/"), ("GET", "//metrics")):
        assert httpx.request(method, url + path, headers=headers).status_code == 401, path
