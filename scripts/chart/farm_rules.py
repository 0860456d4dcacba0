"""Farm rules: what a release's objects have to do with each other: queues are served, and scaled by all they hold."""

from collections.abc import Iterator
from typing import Any

from scripts.chart.pods import Pod, pods_of
from scripts.chart.rendering import Rendered

QUEUES = ("cpu", "gpu", "gpuhigh", "control", "zip", "clean")


def faults_of(rendered: Rendered) -> Iterator[str]:
    """What is wrong with a release, in words."""
    for rule in (
        serves_every_queue,
        scales_by_its_queues,
        finds_its_pods,
        finds_its_services,
        has_no_secret,
        drains_the_longest,
    ):
        yield from rule(rendered)


def serves_every_queue(rendered: Rendered) -> Iterator[str]:
    """Each of the six, here or elsewhere."""
    served = set(rendered.values["queuesServedElsewhere"])
    for pod in pods_of(rendered):
        if pod.is_worker:
            served |= set(pod.env["QUEUE_NAME"].split(","))
    yield from (f"nobody serves {queue}" for queue in QUEUES if queue not in served)


def scales_by_its_queues(rendered: Rendered) -> Iterator[str]:
    """KEDA asks for exactly the queues that the pods serve, counts their slots, and has the key."""
    workers = {pod.owner["metadata"]["name"]: pod for pod in pods_of(rendered) if pod.is_worker}
    keys = {one["metadata"]["name"] for one in rendered.of_kind("TriggerAuthentication")}
    services = {one["metadata"]["name"]: one for one in rendered.of_kind("Service")}
    for scaler in rendered.of_kind("ScaledObject", "ScaledJob"):
        name = scaler["metadata"]["name"]
        target = scaler["spec"].get("scaleTargetRef", {}).get("name", name)
        if target not in workers:
            yield f"{name} scales {target}, which is not there"
            continue
        pod = workers[target]
        if scaler["kind"] == "ScaledObject" and "replicas" in pod.owner["spec"]:
            yield f"{target} has a number of pods of its own beside that of KEDA"
        for trigger in scaler["spec"]["triggers"]:
            yield from _of_trigger(name, trigger, pod, services, rendered.values["keda"]["apiUrl"])
            if trigger["authenticationRef"]["name"] not in keys:
                yield f"{name} has no key for the API"


def _of_trigger(
    name: str, trigger: dict[str, Any], pod: Pod, services: dict[str, dict[str, Any]], elsewhere: str
) -> Iterator[str]:
    asked, _, queues = trigger["metadata"]["url"].rpartition("/scaling/")
    if queues.split(",") != pod.env["QUEUE_NAME"].split(","):
        yield f"{name} is scaled by {queues}, but serves {pod.env['QUEUE_NAME']}"
    slots = pod.env["CONCURRENT_TASKS"] if pod.env["POOL_TYPE"] == "pool" else "1"
    if trigger["metadata"]["targetValue"] != slots:
        yield f"{name} counts {trigger['metadata']['targetValue']} jobs a pod, which does {slots}"
    hosts = {
        f"http://{one}.pixyz.svc:{port['port']}"
        for one, service in services.items()
        for port in service["spec"]["ports"]
    }
    if asked != elsewhere.rstrip("/") and asked not in hosts:
        yield f"{name} asks {asked}, which is no Service here"


def finds_its_pods(rendered: Rendered) -> Iterator[str]:
    """Whatever selects pods finds some, its own alone, and their ports by name."""
    pods = pods_of(rendered)
    for thing in rendered.of_kind(
        "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor", "Deployment", "StatefulSet"
    ):
        spec = thing["spec"]
        wanted = spec.get("podSelector") or spec["selector"]
        found = [pod for pod in pods if _selects(wanted.get("matchLabels", wanted), pod.labels)]
        at = f"{thing['kind']}/{thing['metadata']['name']}"
        if not found:
            yield f"{at} finds no pod"
        if thing["kind"] not in {"NetworkPolicy", "PodMonitor"} and len(found) > 1:
            yield f"{at} finds pods of others: {[pod.place for pod in found]}"
        names = {port["name"] for pod in found for container in pod.containers for port in container.get("ports", [])}
        for port in _ports_named(thing):
            if port not in names:
                yield f"{at} names port {port}, which its pods do not have"


def finds_its_services(rendered: Rendered) -> Iterator[str]:
    """An Ingress and a ServiceMonitor name Services that are there, and their ports."""
    for ingress in rendered.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = rendered.the("Service", path["backend"]["service"]["name"])
                if path["backend"]["service"]["port"]["name"] not in {
                    port["name"] for port in service["spec"]["ports"]
                }:
                    yield f"Ingress/{ingress['metadata']['name']} names a port that the Service does not have"
    for monitor in rendered.of_kind("ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"]
        if not any(_selects(labels, one["metadata"]["labels"]) for one in rendered.of_kind("Service")):
            yield f"ServiceMonitor/{monitor['metadata']['name']} finds no Service"


def _selects(wanted: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(wanted) and wanted.items() <= labels.items()


def _ports_named(thing: dict[str, Any]) -> Iterator[str]:
    spec = thing["spec"]
    ports = [port.get("targetPort") for port in spec.get("ports", [])]
    ports += [port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", [])]
    ports += [one["port"] for one in spec.get("podMetricsEndpoints", [])]
    yield from (port for port in ports if isinstance(port, str))


def has_no_secret(rendered: Rendered) -> Iterator[str]:
    """The chart makes no Secret: users do."""
    yield from (f"makes the Secret {one['metadata']['name']}" for one in rendered.of_kind("Secret"))


def drains_the_longest(rendered: Rendered) -> Iterator[str]:
    """DRAIN_TIMEOUT covers what the API and the worker give a job, unless the group says that it hands back."""
    groups = rendered.values["workers"]
    [api] = [pod for pod in pods_of(rendered) if pod.place.endswith("-api")]
    for pod in pods_of(rendered):
        if not pod.is_worker or groups[pod.labels["app.kubernetes.io/component"].removeprefix("worker-")].get(
            "mayHandBack"
        ):
            continue
        longest = max(
            int(one)
            for one in (api.env["PIXYZ_TIME_LIMIT"], pod.env["PIXYZ_TIME_LIMIT"], pod.env["PIXYZ_RETRY_TIME_LIMIT"])
        )
        if "SCRIPT_DEPENDENCIES" in pod.env or "ALLOW_INPUT_URLS" in pod.env:
            longest += int(pod.env["PREPARATION_TIME_LIMIT"])
        if int(pod.env["DRAIN_TIMEOUT"]) <= longest:
            yield f"{pod.place} drains for {pod.env['DRAIN_TIMEOUT']} s, and a job may take {longest} s"
