"""Values that the chart refuses, and that the message names the place."""

from typing import Any

import pytest
import yaml
from helm_python import HelmError

from tests.contract.chart.values import of_minimal

# What is wrong, as a line of YAML with a dotted path, beside the smallest example; what the message says.
BY_SCHEMA = [
    ("worker: {}", "additional properties 'worker' not allowed"),
    ("api.replica: 3", "at '/api': additional properties 'replica' not allowed"),
    ('workers.cpu.quees: ["cpu"]', "at '/workers/cpu': additional properties 'quees'"),
    ('workers.Big_One.queues: ["big"]', "at '/workers': additional properties 'Big_One'"),
    ('workers.ggggggggggggggggggggg.queues: ["big"]', "at '/workers'"),
    ("workers.big: {}", "at '/workers/big': missing property 'queues'"),
    ("workers.big.queues: []", "at '/workers/big/queues': minItems"),
    ('workers.big.queues: ["a,b"]', "at '/workers/big/queues/0': 'a,b' does not match"),
    ("workers.cpu.mode: deployment", "at '/workers/cpu/mode': value must be one of 'object', 'job'"),
    ("workers.cpu.image: gpu", "at '/workers/cpu/image': value must be one of"),
    ("workerDefaults.engine: pxz", "at '/workerDefaults/engine': value must be one of"),
    ('workers.cpu.slots: "2"', "at '/workers/cpu/slots': got string, want integer"),
    ("workers.cpu.slots: 0", "at '/workers/cpu/slots': minimum"),
    ("workers.cpu.resources.limits.memory: 4GB", "at '/workers/cpu/resources/limits/memory': '4GB'"),
    ("api.resources.limits.memory: 1.5Gi", "at '/api/resources/limits/memory': '1.5Gi'"),
    ("api.resources.limits.cpu: 2", "at '/api/resources/limits/cpu': got number, want string"),
    ('api.resources.limits.gpu: "1"', "at '/api/resources/limits': additional properties 'gpu'"),
    ("workers.cpu.spot: azure", "at '/workers/cpu/spot': value must be one of '', 'aks'"),
    ('workers.gpu: {"queues": ["gpu"], "gpu": {"count": 99}}', "at '/workers/gpu/gpu/count': maximum"),
    ('keda.enabled: "yes"', "at '/keda/enabled': got string, want boolean"),
    ("settings.LOG_LEVELS: INFO", "at '/settings': additional properties 'LOG_LEVELS'"),
    ("settings.CLEANUP_DELAY: 60", "at '/settings/CLEANUP_DELAY': got number, want string"),
    ('settings.DRAIN_TIMEOUT: "5"', "at '/settings': additional properties 'DRAIN_TIMEOUT'"),
    ("settings.REDIS_PASSWORD: x", "at '/settings': additional properties 'REDIS_PASSWORD'"),
    ("redis.password: x", "at '/redis': additional properties 'password' not allowed"),
    ("auth.key: x", "at '/auth': additional properties 'key' not allowed"),
    ("security.uid: 0", "at '/security/uid': minimum"),
    ("redis.bundled.uid: 0", "at '/redis/bundled/uid': minimum"),
    ("redis.mode: sentinel", "at '/redis/mode': value must be one of 'external', 'bundled'"),
    ("redis.external.port: 70000", "at '/redis/external/port': maximum"),
    ("redis.external.host: redis://store", "at '/redis/external/host'"),
    ("auth.existingSecret: My_Secret", "at '/auth/existingSecret': 'My_Secret'"),
    ("share.mountPath: share", "at '/share/mountPath': 'share'"),
    ("licence.type: server", "at '/licence/type': value must be one of 'none', 'file', 'flexlm'"),
    ("api.ingress.controller: apache", "at '/api/ingress/controller': value must be one of"),
    ("api.ingress.bodySize: 20GB", "at '/api/ingress/bodySize': '20GB'"),
    ('api.ingress.hosts: ["a.example.com/x"]', "at '/api/ingress/hosts/0'"),
    (
        'api.tolerations: [{"key": "a", "operater": "Exists"}]',
        "at '/api/tolerations/0': additional properties 'operater'",
    ),
    ('workers.cpu.tolerations: [{"effect": "NoRun"}]', "at '/workers/cpu/tolerations/0/effect'"),
    ("api.affinity.nodes: {}", "at '/api/affinity': additional properties 'nodes'"),
    ("api.nodeSelector.gpu: true", "at '/api/nodeSelector/gpu': got boolean, want string"),
    ('networkPolicy.apiFrom: [{"namespace": "x"}]', "at '/networkPolicy/apiFrom/0': additional properties 'namespace'"),
    ("metrics.interval: 30", "at '/metrics/interval': got number, want string"),
    ("keda.apiUrl: api:8001", "at '/keda/apiUrl': 'api:8001'"),
    ("image.tag: a b", "at '/image/tag': 'a b'"),
    ("image.registry: https://registry.example.com", "at '/image/registry'"),
]

# Values that do not fit together.
BY_CHECK = {
    "no key": ({"auth": {"existingSecret": ""}}, "auth.existingSecret: name the Secret"),
    "no share": ({"share": {"existingClaim": ""}}, "share.existingClaim: name the PersistentVolumeClaim"),
    "no store": ({"redis": {"mode": "external"}}, "redis.external.host: name the store's host"),
    "a store of its own without a password": (
        {"redis": {"existingSecret": ""}},
        "redis.existingSecret: name the Secret",
    ),
    "a licence server without a host": (
        {"licence": {"type": "flexlm"}},
        "licence.flexlm.host: name the licence server",
    ),
    "a licence file without a Secret": ({"licence": {"type": "file"}}, "licence.file.existingSecret: name the Secret"),
    "a licence file without a path": ({"licence": {"type": "file"}}, "licence.file.mountPath: name the file"),
    "an open Flower": ({"flower": {"enabled": True}}, "flower.existingSecret: name the Secret"),
    "an ingress for nobody": ({"api": {"ingress": {"enabled": True}}}, "api.ingress.hosts: name one host"),
    "more than most APIs": ({"api": {"autoscaling": {"min": 9}}}, "api.autoscaling.min: more than api.autoscaling.max"),
    "jobs without KEDA": ({"workers": {"cpu": {"mode": "job"}}}, "workers.cpu.mode: job needs keda.enabled=true"),
    "a Job with slots": (
        {"keda": {"enabled": True}, "workers": {"cpu": {"mode": "job", "slots": 2}}},
        "workers.cpu.slots: 1 where mode is job",
    ),
    "more than most pods": ({"workers": {"cpu": {"replicas": {"min": 9}}}}, "workers.cpu.replicas.min: more than"),
    "no memory for jobs": (
        {"workers": {"cpu": {"resources": {"limits": {"memory": "800Mi"}}}}},
        "workers.cpu.resources.limits.memory: 800Mi less memoryReserve 768Mi leaves each of 1 slots less than 128Mi",
    ),
    "a drain that is too short": (
        {"workers": {"cpu": {"drainTimeout": 600}}},
        "workers.cpu.drainTimeout: 600 s is less than a job may take here (3660 s)",
    ),
    "a drain that leaves out the group's second try": (
        {"workers": {"cpu": {"drainTimeout": 4000, "retryTimeLimit": 7200}}},
        "workers.cpu.drainTimeout: 4000 s is less than a job may take here (7260 s)",
    ),
    "a drain that leaves out the preparation": (
        {"settings": {"SCRIPT_DEPENDENCIES": "allow"}, "workers": {"cpu": {"drainTimeout": 4000}}},
        "workers.cpu.drainTimeout: 4000 s is less than a job may take here (5460 s)",
    ),
    "a key of OpenTelemetry's": (
        {"settings": {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=x"}},
        "OTEL_EXPORTER_OTLP_HEADERS: it may hold a key, and is no value",
    ),
    "the same in a group": (
        {"workers": {"cpu": {"env": {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=x"}}}},
        "workers.cpu.env.OTEL_EXPORTER_OTLP_TRACES_HEADERS: it may hold a key",
    ),
    "a setting from two places": (
        {
            "settings": {"OTEL_SERVICE_NAME": "x"},
            "secretSettings": {"OTEL_SERVICE_NAME": {"existingSecret": "a", "key": "b"}},
        },
        "secretSettings.OTEL_SERVICE_NAME: stands in settings too",
    ),
    "a label of the chart's": (
        {"podLabels": {"app.kubernetes.io/component": "x"}},
        "podLabels: app.kubernetes.io/component is the chart's own",
    ),
    "the same label in a group": (
        {"workers": {"cpu": {"podLabels": {"pixyz-scheduler/role": "x"}}}},
        "workers.cpu.podLabels: pixyz-scheduler/role is the chart's own",
    ),
    "Prometheus without the key that is asked of it": (
        {"auth": {"metricsSha256Key": "m"}, "metrics": {"serviceMonitor": {"enabled": True}}},
        "auth.metricsKey: name the key",
    ),
    "a queue that nobody serves": (
        {"workers": {"gpuhigh": {"enabled": False}}},
        "workers: no group serves the queue gpuhigh",
    ),
}


@pytest.mark.parametrize(("line", "said"), BY_SCHEMA)
def test_a_value_that_is_not_allowed_is_refused_with_its_place(line: str, said: str) -> None:
    [(path, value)] = yaml.safe_load(line).items()
    for name in reversed(path.split(".")):
        value = {name: value}

    assert said in refusal(value)


@pytest.mark.parametrize("case", BY_CHECK)
def test_values_that_do_not_fit_together_are_refused_with_their_place(case: str) -> None:
    values, said = BY_CHECK[case]

    assert f"  - {said}" in refusal(values)


def test_all_that_is_missing_is_told_at_once() -> None:
    told = refusal(
        {"auth": {"existingSecret": ""}, "share": {"existingClaim": ""}, "workers": {"control": {"enabled": False}}}
    )

    assert told.count("\n  - ") == 5


def test_queues_served_elsewhere_need_no_group_here() -> None:
    values = {"queuesServedElsewhere": ["gpuhigh"], "workers": {"gpuhigh": {"enabled": False}}}

    assert refusal(values) == ""


def test_a_group_that_says_so_may_hand_back() -> None:
    assert refusal({"workers": {"cpu": {"drainTimeout": 20, "mayHandBack": True}}}) == ""


def refusal(values: dict[str, Any]) -> str:
    """What Helm says to the smallest example with these values; empty where it takes them."""
    try:
        of_minimal(values)
    except HelmError as error:
        return str(error)
    return ""
