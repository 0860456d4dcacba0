"""What scripts/check says of the chart: nothing as it is, and the fault where one is put into it."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import check_chart
from scripts.chart import farm_rules, pod_rules, schemas
from scripts.chart.pods import Pod, pods_of
from scripts.chart.rendering import EXAMPLES, Rendered, example, render
from tests.contract.chart.values import of_minimal

Thing = dict[str, Any]


def test_the_chart_and_its_examples_are_as_they_should_be() -> None:
    assert list(check_chart.all_faults()) == []


def test_there_is_an_example_for_each_guide_and_one_with_everything() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {"minimal", "everything", "aks", "eks", "gke", "bare"}


def test_the_example_with_everything_makes_every_kind_of_object_there_is() -> None:
    made = {one["kind"] for name in ("everything", "minimal") for one in render(example(name)).objects}

    assert made == {
        *("Deployment", "StatefulSet", "Pod", "Service", "ServiceAccount", "ConfigMap", "Ingress", "NetworkPolicy"),
        *("HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject", "ScaledJob", "TriggerAuthentication"),
        *("ServiceMonitor", "PodMonitor", "PrometheusRule"),
    }


def container(thing: Thing) -> Thing:
    spec = thing["spec"]
    template = spec["jobTargetRef"]["template"] if "jobTargetRef" in spec else spec["template"]
    found: Thing = template["spec"]["containers"][0]
    return found


def variable(thing: Thing, name: str) -> Thing:
    [found] = [one for one in container(thing)["env"] if one["name"] == name]
    assert isinstance(found, dict)
    return found


def put(path: str, value: object) -> Callable[[Thing], None]:
    """A fault: this value at that place."""

    def spoil(thing: Thing) -> None:
        *way, last = path.split(".")
        for step in way:
            thing = thing[int(step)] if step.isdigit() else thing[step]
        thing[last] = value

    return spoil


POD = "spec.template.spec"
FAULTS: dict[str, tuple[str, Callable[[Thing], None], str]] = {
    # What Kubernetes' schemas know.
    "a field that is none": ("Deployment/worker-cpu", put(f"{POD}.containers.0.livnessProbe", {}), "livnessProbe"),
    "a field of the wrong type": ("Deployment/api", put("spec.replicas", "two"), "'two' is not of type"),
    "a field of a Job": ("ScaledJob/worker-gpu", put("spec.jobTargetRef.ttlSeconds", 5), "ttlSeconds"),
    # What the models know.
    "a field that KEDA does not have": ("ScaledObject/worker-cpu", put("spec.coolDown", 5), "spec.coolDown"),
    "a trigger that KEDA would not read": (
        "ScaledObject/worker-cpu",
        put("spec.triggers.0.metadata.keyParameter", "x"),
        "keyParameter",
    ),
    "a number where KEDA wants text": (
        "ScaledJob/worker-gpu",
        put("spec.triggers.0.metadata.targetValue", 1),
        "string",
    ),
    "a monitor's field": ("PodMonitor/workers", put("spec.endpoints", []), "spec.endpoints"),
    # What only we know.
    "root": ("Deployment/worker-cpu", put(f"{POD}.securityContext.runAsUser", 0), "may run as root"),
    "a root that can be written": (
        "Deployment/api",
        put(f"{POD}.containers.0.securityContext.readOnlyRootFilesystem", value=False),
        "may write into its root",
    ),
    "a capability": ("Deployment/api", put(f"{POD}.containers.0.securityContext.capabilities", {}), "has capabilities"),
    "a token": ("Deployment/api", put(f"{POD}.automountServiceAccountToken", value=True), "gets a token of Kubernetes"),
    "service links": ("Deployment/api", put(f"{POD}.enableServiceLinks", value=True), "may be read as settings"),
    "no limit": ("Deployment/flower", put(f"{POD}.containers.0.resources.limits", {}), "has no limits of memory"),
    "no volume": ("Deployment/api", put(f"{POD}.volumes", []), "volumes and mounts differ"),
    "a probe's port": (
        "Deployment/worker-cpu",
        put(f"{POD}.containers.0.readinessProbe.httpGet.port", "http"),
        "readinessProbe asks port http",
    ),
    "a secret in the open": (
        "Deployment/api",
        lambda thing: variable(thing, "GOD_PASSWORD_SHA256").update(value="0" * 64, valueFrom={}),
        "GOD_PASSWORD_SHA256 is not a reference",
    ),
    "a setting that is none": (
        "Deployment/api",
        lambda thing: variable(thing, "SHARE_PATH").update(name="SHARED_PATH"),
        "SHARED_PATH is no setting",
    ),
    "a setting that is refused": (
        "Deployment/worker-cpu",
        lambda thing: variable(thing, "POOL_TYPE").update(value="threads"),
        "the program would not start",
    ),
    "a setting that comes twice": (
        "Deployment/worker-cpu",
        lambda thing: container(thing)["env"].append(variable(thing, "POOL_TYPE")),
        "POOL_TYPE comes twice",
    ),
    "a death before the drain's end": (
        "Deployment/worker-cpu",
        put(f"{POD}.terminationGracePeriodSeconds", 60),
        "is killed after 60 s, before DRAIN_TIMEOUT",
    ),
    "a drain that is too short": (
        "ScaledJob/worker-gpu",
        lambda thing: variable(thing, "DRAIN_TIMEOUT").update(value="600"),
        "drains for 600 s, and a job may take",
    ),
    "a hook that sends a second signal": (
        "Deployment/worker-cpu",
        put(f"{POD}.containers.0.lifecycle", {"preStop": {"exec": {"command": ["kill", "1"]}}}),
        "has a preStop hook",
    ),
    "memory for jobs alone": (
        "Deployment/worker-cpu",
        lambda thing: variable(thing, "MAX_MEMORY_USAGE").update(value=str(4 << 20)),
        "leave nothing of 8388608 KiB to the worker",
    ),
    "a pod that does two jobs": (
        "ScaledJob/worker-gpu",
        lambda thing: variable(thing, "MAX_TASKS_BEFORE_SHUTDOWN").update(value="2"),
        "does not end by itself",
    ),
    "a Job that is tried again": (
        "ScaledJob/worker-gpu",
        put("spec.jobTargetRef.backoffLimit", 3),
        "started again by Kub",
    ),
    "a deadline": (
        "ScaledJob/worker-gpu",
        put("spec.jobTargetRef.activeDeadlineSeconds", 60),
        "is killed at a deadline",
    ),
    "a rollout that kills": ("ScaledJob/worker-gpu", put("spec.rollout", {}), "is deleted when its ScaledJob changes"),
    "a queue that is not counted": (
        "ScaledObject/worker-cpu",
        put("spec.triggers.0.metadata.url", "http://farm-scheduler-api.pixyz.svc:80/scaling/gpu"),
        "is scaled by gpu, but serves cpu",
    ),
    "another API": (
        "ScaledObject/worker-cpu",
        put("spec.triggers.0.metadata.url", "http://farm-scheduler-api.pixyz.svc:8001/scaling/cpu"),
        "which is no Service here",
    ),
    "slots that are not counted": (
        "ScaledObject/worker-cpu",
        put("spec.triggers.0.metadata.targetValue", "9"),
        "counts 9 jobs a pod, which does 2",
    ),
    "no key": ("ScaledJob/worker-gpu", put("spec.triggers.0.authenticationRef.name", "none"), "has no key for the API"),
    "a number beside KEDA's": ("Deployment/worker-cpu", put("spec.replicas", 3), "has a number of pods of its own"),
    "nobody to scale": (
        "ScaledObject/worker-cpu",
        put("spec.scaleTargetRef.name", "other"),
        "scales other, which is not",
    ),
    "a queue that nobody serves": (
        "ScaledJob/worker-gpu",
        lambda thing: variable(thing, "QUEUE_NAME").update(value="gpus"),
        "nobody serves gpu",
    ),
    "a Service for nobody": (
        "Service/api",
        put("spec.selector", {"a": "b"}),
        "Service/farm-scheduler-api finds no pod",
    ),
    "a Service for too many": (
        "Service/api",
        put("spec.selector", {"app.kubernetes.io/instance": "farm"}),
        "finds pods of others",
    ),
    "a port that is none": ("Service/api", put("spec.ports.0.targetPort", "web"), "names port web"),
    "an Ingress's port": (
        "Ingress/api",
        put("spec.rules.0.http.paths.0.backend.service.port.name", "web"),
        "names a port",
    ),
    "a monitor of nothing": ("ServiceMonitor/api", put("spec.selector.matchLabels", {"a": "b"}), "finds no Service"),
    "a Secret": ("ServiceAccount/pixyz", put("kind", "Secret"), "makes the Secret pixyz"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_that_is_put_into_the_objects_is_found(case: str) -> None:
    place, spoil, said = FAULTS[case]
    kind, _, name = place.partition("/")
    rendered = spoiled(everything(), kind, name, spoil)

    found = [*farm_rules.faults_of(rendered)]
    for pod in pods_of(rendered):
        found += pod_rules.faults_of(pod)
    for thing in rendered.of_kind(kind):
        found += schemas.faults_of(thing)

    assert [fault for fault in found if said in fault], found


@lru_cache
def everything() -> Rendered:
    return render(example("everything"))


def spoiled(rendered: Rendered, kind: str, name: str, spoil: Callable[[Thing], None]) -> Rendered:
    copied = Rendered(rendered.name, rendered.values, {"all": "\n---\n".join(map(json.dumps, rendered.objects))})
    spoil(copied.the(kind, name))
    return copied


def test_a_pod_that_reaches_into_its_node_is_found() -> None:
    [pod, *_] = pods_of(of_minimal({}))
    template = copy.deepcopy(pod.template)
    template["spec"]["hostNetwork"] = True

    assert "reaches into its node" in "".join(pod_rules.faults_of(Pod(pod.owner, template)))


def test_a_name_that_comes_twice_is_found() -> None:
    text = "kind: Service\nmetadata: {name: a, labels: {one: b, one: c}}\n"

    with pytest.raises(yaml.YAMLError, match="come twice"):
        _ = Rendered("twice", {}, {"service.yaml": text}).objects


def test_kubernetes_validate_itself_says_the_same(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    rendered = of_minimal({})
    good.write_text(yaml.safe_dump_all(rendered.objects))
    bad.write_text(
        yaml.safe_dump(spoiled(rendered, "Deployment", "api", put("spec.replica", 2)).the("Deployment", "api"))
    )

    assert validated(good).returncode == 0
    assert "'replica' was unexpected" in validated(bad).stdout


def validated(path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", "1.33", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
