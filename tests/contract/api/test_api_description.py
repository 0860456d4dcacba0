"""What the API says of itself, and the routes about itself."""

import re

import httpx
import pytest
from pydantic import TypeAdapter

from pixyz_scheduler import __version__
from pixyz_scheduler.api import farm_schemas, schemas
from pixyz_scheduler.api.problems import Problem
from pixyz_scheduler.api.task_meta import TaskMeta
from pixyz_scheduler.jobs.state import JobState

ROUTES = {
    "/": {"get"},
    "/health/live": {"get"},
    "/health/ready": {"get"},
    "/processes": {"get"},
    "/processes/{name}": {"get"},
    "/jobs": {"get", "post"},
    "/jobs/{uuid}": {"get", "delete"},
    "/jobs/{uuid}/details": {"get"},
    "/jobs/{uuid}/graph": {"get"},
    "/jobs/{uuid}/cancel": {"post"},
    "/jobs/{uuid}/retry": {"post"},
    "/jobs/{uuid}/outputs": {"get"},
    "/jobs/{uuid}/events": {"get"},
    "/jobs/{uuid}/logs": {"get"},
    "/jobs/{uuid}/outputs/archive": {"get"},
    "/jobs/{uuid}/outputs/{path}": {"get"},
    "/backend/get_task_meta/{uuid}": {"get"},
    "/metrics": {"get"},
    "/scaling/{queues}": {"get"},
    "/dev/callback": {"post"},
}


@pytest.fixture(scope="module")
def described(api):
    return api.http.get("/openapi.json").json()


def test_the_welcome_names_the_version(api):
    answer = api.http.get("/")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(f"Welcome to Pixyz Scheduler {__version__}.")


def test_the_processes_are_listed_and_described(api):
    assert api.http.get("/processes").json() == {"processes": ["silent", "sleep"]}
    assert api.http.get("/processes/sleep").json() == {"doc": "Process 'sleep' documentation:\n\nSleep for a while."}


def test_the_health_is_told(api):
    ok = {"status": "ok", "problems": {}}
    assert api.http.get("/health/live").json() == ok
    assert api.http.get("/health/ready").json() == {**ok, "durability": "relaxed"}


def test_every_route_is_described(described):
    paths = {path.replace("{path}", "{path}"): set(operations) for path, operations in described["paths"].items()}
    assert paths == ROUTES


def test_every_operation_says_what_it_does_and_what_may_go_wrong(described):
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert ("422" in operation["responses"]) == ((method, path) == ("post", "/jobs")), (method, path)
            if "security" in operation:
                assert {"400", "401", "503"} <= operation["responses"].keys(), (method, path)
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (method, path, parameter["name"])
    assert described["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "x-api-key"


def test_every_error_is_described_in_the_one_shape(described):
    for operations in described["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "/health" not in operation["operationId"].replace("_", "/"):
                    content = answer["content"]["application/json"]["schema"]
                    assert content == {"$ref": "#/components/schemas/Problem"}, (operation["summary"], status)


def test_the_form_of_a_job_is_described(described):
    content = described["paths"]["/jobs"]["post"]["requestBody"]["content"]
    fields = content["multipart/form-data"]["schema"]["properties"]
    assert fields.keys() == {"process", "script", "file", "files", "params", "name", "config"}
    assert all(field["description"] for field in fields.values())


def test_no_schema_is_referred_to_that_is_not_there(described):
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert referred == described["components"]["schemas"].keys()


MODELS = [
    *(schemas.JobState, schemas.JobAccepted, schemas.JobDetails, schemas.TimeInfo, schemas.Step),
    *(schemas.LogEntry, schemas.LogList),
    *(schemas.Outputs, TaskMeta, Problem),
    *(farm_schemas.ProcessNames, farm_schemas.ProcessDoc, farm_schemas.Health, farm_schemas.Scaling),
]


@pytest.mark.parametrize("model", MODELS)
def test_examples_are_true(model):
    for example in model.model_config["json_schema_extra"]["examples"]:
        assert model(**example).model_dump() == example


def test_the_statuses_are_those_of_jobs():
    assert TypeAdapter(schemas.Status).json_schema()["enum"] == [state.value for state in JobState]


def test_the_documentation_pages_are_there(api):
    assert "swagger" in api.http.get("/docs").text
    assert "redoc" in api.http.get("/redoc").text


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_documentation_pages_ask_no_other_host(api, page):
    answer = httpx.get(api.url + page)
    assert not re.findall(r"""(?:https?:)?//[^\s"'>]+""", answer.text)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert re.findall("https?:", answer.headers["content-security-policy"]) == []
    wanted = re.findall(r"""(?:src|href|url|spec-url)\s*[=:]\s*["'](?!data:)([^"']+)["']""", answer.text)
    assert "openapi.json" in wanted
    assert any(name.startswith("docs/assets/") for name in wanted)
    for name in wanted:
        found = httpx.get(httpx.URL(api.url + page).join(name))
        assert (name, found.status_code) == (name, 200)
        assert len(found.content) > 1000


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("redoc.standalone.js", "text/javascript"),
    ],
)
def test_their_assets_need_no_key_and_are_kept_by_the_browser(api, name, kind):
    answer = httpx.get(f"{api.url}/docs/assets/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["nothing.js", "favicon.png", "%2e%2e%2fcore.py", "../core.py"])
def test_no_other_file_is_to_be_had_there(api, name):
    assert httpx.get(f"{api.url}/docs/assets/{name}").status_code in {401, 404}


def test_metrics_count_by_the_template_of_a_route(api):
    job_id = api.new_job()
    api.http.get(f"/jobs/{job_id}")
    api.http.get("/wp-admin")
    answer = api.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    assert 'pixyz_http_requests_total{method="GET",route="/jobs/{uuid}",status="200"}' in text
    assert 'pixyz_http_requests_total{method="ANY",route="unmatched",status="404"}' in text
    assert 'pixyz_http_request_duration_seconds_count{method="GET",route="/jobs/{uuid}"}' in text
    assert 'pixyz_jobs_submitted_total{queue="cpu"}' in text
    assert job_id not in text
    assert "wp-admin" not in text
