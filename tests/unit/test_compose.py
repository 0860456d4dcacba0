"""Dockerfile and compose files, as far as they can be judged without an engine; tests/e2e/test_docker.py has one."""

import re
from pathlib import Path

import pytest
import yaml

from pixyz_scheduler.settings.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
FIELDS = Settings.model_fields
OURS = ("api", "worker", "gpu", "gpuhigh", "control")
# Settings that compose.yaml decides itself: the store is its own, each service has its queue, and what it starts stays.
DECIDED = {
    "API_HOST",
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "DATA_PATH",
    "DISABLE_PIXYZ",
    "IDLE_TIMEOUT",
    "METRICS_HOST",
    "METRICS_PORT",
    "QUEUE_NAME",
    "REDIS_MASTER_SERVICE_HOST",
    "REDIS_MASTER_SERVICE_PORT",
    "SCRIPT_ENVIRONMENTS",
}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(text, given=None):
    """As Compose puts values in; what must be set is `set`."""
    given = given or {}

    def value(found):
        name, how, rest = found.groups()
        return given.get(name) or (rest if how == "-" else "set")

    return yaml.safe_load(VARIABLE.sub(value, text).replace("$$", "$"))


def stages():
    """Each stage of the Dockerfile: its base, and its instructions with their lines put together."""
    lines = re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    found, name = {}, ""
    for line in lines:
        if match := re.match(r"FROM (\S+) AS (\S+)$", line):
            name = match[2]
            found[name] = {"base": match[1], "lines": []}
        elif name and line and not line.startswith("#"):
            found[name]["lines"].append(line)
    return found


def lineage(name):
    """The instructions of a stage, and of those that it is built on, the first of all first."""
    stage = stages()[name]
    return [*(lineage(stage["base"]) if stage["base"] in stages() else []), *stage["lines"]]


def test_compose_asks_for_nothing_that_is_no_setting():
    asked = {
        found[1] for text in (COMPOSE, (ROOT / "compose.gpu.yaml").read_text()) for found in VARIABLE.finditer(text)
    }
    assert asked <= {name.upper() for name in FIELDS}


def test_every_setting_reaches_a_container_or_is_compose_own():
    services = interpolated(COMPOSE)["services"]
    passed = {name for service in services.values() for name in service.get("environment", {})}
    in_docker = {name for name, field in FIELDS.items() if field.json_schema_extra["section"] == "Docker"}
    assert {name.upper() for name in FIELDS if name not in in_docker} - passed - DECIDED == set()
    used = {found[1].lower() for found in VARIABLE.finditer(COMPOSE)}
    assert in_docker <= used


def test_what_is_not_set_has_the_default_that_settings_have():
    for found in VARIABLE.finditer(COMPOSE):
        name, how, default = found.groups()
        if how != "-" or not default or name in ("SHARE_PATH", "PROCESS_PATH"):  # volumes of Docker's
            continue
        value = FIELDS[name.lower()].get_default(call_default_factory=True)
        assert (f"{value:g}" if isinstance(value, float) else str(value)) == default, name


def test_dockerfile_has_the_defaults_that_settings_have():
    told = dict(re.findall(r"(?m)^ARG (\w+)=(.*)$", DOCKERFILE))
    for argument, setting in {
        "DOCKER_REDIS_IMAGE": "docker_redis_image",
        "PIXYZ_IMAGE_BASE": "pixyz_image_base",
        "PYTHON_IMAGE": "docker_python_image",
        "UID": "uid",
        "GID": "gid",
    }.items():
        assert told[argument] == str(FIELDS[setting].default)


@pytest.mark.parametrize("name", [*OURS, "redis", "flower"])
def test_no_service_is_root_or_can_write_to_its_image(name):
    service = interpolated(COMPOSE)["services"][name]
    assert service["user"] == "1001:1001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_api_is_published_to_others():
    published = {
        name: service["ports"] for name, service in interpolated(COMPOSE)["services"].items() if "ports" in service
    }
    assert published.pop("api") == ["0.0.0.0:8001:8001"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_api_host_says_where_the_api_is_published():
    services = interpolated(COMPOSE, {"API_HOST": "127.0.0.1", "API_PORT": "9000"})["services"]
    assert services["api"]["ports"] == ["127.0.0.1:9000:9000"]
    assert services["api"]["environment"]["API_HOST"] == "0.0.0.0"


def test_services_serve_every_queue_there_is():
    services = interpolated(COMPOSE)["services"]
    served = [
        queue for name in OURS if name != "api" for queue in services[name]["environment"]["QUEUE_NAME"].split(",")
    ]
    assert sorted(served) == sorted(FIELDS["queue_name"].default)


def test_compose_builds_what_the_dockerfile_has():
    services = interpolated(COMPOSE)["services"]
    targets = {service["build"]["target"] for service in services.values() if "build" in service}
    assert targets | {"worker-pixyz"} == {"api", "worker", "worker-pixyz", "control", "redis"}
    assert targets <= set(stages())


@pytest.mark.parametrize("target", ["api", "worker", "worker-pixyz", "control", "redis"])
def test_an_image_ends_as_a_user_who_is_not_root(target):
    users = [line for line in lineage(target) if line.startswith("USER ")]
    assert users[-1] == "USER ${UID}:${GID}"


@pytest.mark.parametrize("target", ["api", "worker", "worker-pixyz", "control"])
def test_an_image_of_ours_asks_itself_how_it_is_and_starts_behind_tini(target):
    lines = lineage(target)
    part = "api" if target == "api" else "worker"
    assert any(line.startswith("HEALTHCHECK") and line.endswith(f'"health", "{part}"]') for line in lines)
    assert [line for line in lines if line.startswith("ENTRYPOINT")][
        -1
    ] == 'ENTRYPOINT ["tini", "--", "pixyz-scheduler"]'


def test_what_is_copied_is_there_and_not_ignored():
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in (line for stage in stages().values() for line in stage["lines"] if line.startswith("COPY ")):
        if "--from=" in line:
            continue
        for source in line.split()[1:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == keep or source.startswith(f"{keep}/") for keep in kept), source


def test_what_is_installed_is_locked_with_hashes():
    locks = set(re.findall(r"install-locked ([\w-]+) ", DOCKERFILE))
    assert {f"{name}.lock" for name in locks} <= {path.name for path in (ROOT / "requirements").iterdir()}
    assert "--require-hashes" in (ROOT / "deploy/docker/install-locked").read_text()
    assert "pip install" not in DOCKERFILE


def test_no_image_is_named_but_by_an_argument():
    bases = [stage["base"] for stage in stages().values() if stage["base"] not in stages()]
    assert all(base.startswith("${") for base in bases)
