"""Schemas: every object against those of Kubernetes (kubernetes-validate), of KEDA and of the Prometheus operator."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from kubernetes_validate import utils
from pydantic import BaseModel, ValidationError
from referencing import Registry, Resource

# The oldest that the chart installs on, one between, the newest that is known here.
VERSIONS = ("1.29.0", "1.33.0", "1.37.0")

# KEDA's own models take any text as a trigger's metadata. This is the metrics-api trigger's, written from KEDA's
# documentation (scalers/metrics-api, 2.14 to 2.16) and the names that its source reads.
METRICS_API = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "valueLocation", "targetValue", "authMode", "method", "keyParamName"],
    "properties": {
        "url": {
            "type": "string",
            "pattern": r"^https?://[-.a-z0-9]+(:[0-9]+)?(/[-._A-Za-z0-9]+)*/scaling/[-.,_A-Za-z0-9]+$",
        },
        "valueLocation": {"const": "outstanding"},
        "targetValue": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "authMode": {"const": "apiKey"},
        "method": {"const": "header"},
        "keyParamName": {"const": "x-api-key"},
    },
}
_METRICS_API = Draft202012Validator(METRICS_API)


def faults_of(thing: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one object, in words with its place."""
    group = thing["apiVersion"].partition("/")[0]
    if group == "keda.sh":
        yield from _by_model(thing)
        yield from _of_triggers(thing)
        if thing["kind"] == "ScaledJob":
            # What KEDA will make of it.
            job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": thing["metadata"]["name"]}}
            yield from _by_kubernetes({**job, "spec": thing["spec"]["jobTargetRef"]})
    elif group == "monitoring.coreos.com":
        yield from _by_model(thing)
    else:
        yield from _by_kubernetes(thing)


def _by_kubernetes(thing: dict[str, Any]) -> Iterator[str]:
    for version in VERSIONS:
        for error in _validator(version, thing["kind"], thing["apiVersion"]).iter_errors(thing):
            yield f"{place(thing)} {error.json_path} (Kubernetes {version}): {error.message[:300]}"


@lru_cache
def _validator(version: str, kind: str, api_version: str) -> Draft202012Validator:
    """As kubernetes_validate.validate(..., strict=True), which reads its 7 MB anew for each object."""
    group = api_version.split("/")
    stem = "-".join([group[0].split(".")[0], *group[1:]])
    schema = utils.schema_contents(
        f"kubernetes-json-schema/v{version}-local-strict/{kind.lower()}-{stem}.json", version
    )
    return Draft202012Validator(schema, registry=_registry(version))


@lru_cache
def _registry(version: str) -> Registry[Any]:
    shared = utils.schema_contents(f"kubernetes-json-schema/v{version}-local-strict/_definitions.json", version)
    return Resource.from_contents(shared) @ Registry()


def _by_model(thing: dict[str, Any]) -> Iterator[str]:
    try:
        # The models themselves forgive names that they don't know.
        _model(thing["kind"]).model_validate_json(json.dumps(thing), strict=True, extra="forbid")
    except ValidationError as error:
        for one in error.errors():
            yield f"{place(thing)} {'.'.join(map(str, one['loc']))}: {one['msg']}"


@lru_cache
def _model(kind: str) -> type[BaseModel]:
    from cloudcoil.models.keda import v1alpha1 as keda  # lazy: 2 s, all of these
    from cloudcoil.models.prometheus_operator import v1 as operator

    found: type[BaseModel] = getattr(keda, kind, None) or getattr(operator, kind)
    return found


def _of_triggers(thing: dict[str, Any]) -> Iterator[str]:
    for trigger in thing["spec"].get("triggers", []):
        for error in _METRICS_API.iter_errors(trigger["metadata"]):
            yield f"{place(thing)} trigger {error.json_path}: {error.message}"


def place(thing: dict[str, Any]) -> str:
    """Kind and name."""
    return f"{thing['kind']}/{thing['metadata'].get('name', '?')}"
