"""Pod rules: what no schema knows of our pods: nobody root, secrets by reference, real settings, time to drain."""

from collections.abc import Iterator

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings.settings import Settings
from scripts.chart.env_names import SECRET, SETTINGS, is_known
from scripts.chart.pods import Pod

_UNITS = {"Ki": 1, "Mi": 1 << 10, "Gi": 1 << 20, "Ti": 1 << 30}


def faults_of(pod: Pod) -> Iterator[str]:
    """What is wrong with a pod, in words."""
    for rule in (
        nobody_is_root,
        has_limits,
        fits_together,
        keeps_secrets,
        has_our_settings,
        drains_in_time,
        ends_after_one,
    ):
        for fault in rule(pod):
            yield f"{pod.place}: {fault}"


def nobody_is_root(pod: Pod) -> Iterator[str]:
    """No root, no way to become it, a root file system that is read only, no token of Kubernetes."""
    security = pod.spec.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser") or not security.get("fsGroup"):
        yield "may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    for container in pod.containers:
        own = container.get("securityContext", {})
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False or own.get("runAsUser") == 0:
            yield f"{container['name']} may gain privileges"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{container['name']} has capabilities"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{container['name']} may write into its root"
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield "gets a token of Kubernetes"
    if pod.spec.get("enableServiceLinks") is not False:
        yield "gets Kubernetes' NAME_PORT variables, which may be read as settings"
    if any("hostPath" in volume for volume in pod.spec.get("volumes", [])) or pod.spec.get("hostNetwork"):
        yield "reaches into its node"


def has_limits(pod: Pod) -> Iterator[str]:
    """Requests and limits of processor and memory."""
    for container in pod.containers:
        for kind in ("requests", "limits"):
            for what in ("cpu", "memory"):
                if what not in container.get("resources", {}).get(kind, {}):
                    yield f"{container['name']} has no {kind} of {what}"


def fits_together(pod: Pod) -> Iterator[str]:
    """Every mount has its volume, every volume is mounted, every probe its port."""
    volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in pod.owner["spec"].get("volumeClaimTemplates", [])}
    mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
    if volumes != mounted:
        yield f"volumes and mounts differ: {sorted(volumes ^ mounted)}"
    for container in pod.containers:
        ports = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            for how in ("httpGet", "tcpSocket"):
                port = container.get(probe, {}).get(how, {}).get("port")
                if port is not None and port not in ports:
                    yield f"{probe} asks port {port}, which is none of {sorted(ports)}"


def keeps_secrets(pod: Pod) -> Iterator[str]:
    """What is secret comes from a Secret."""
    for container in pod.containers:
        for one in container.get("env", []):
            reference = one.get("valueFrom", {}).get("secretKeyRef")
            if one["name"] in SECRET and not (reference and reference.get("name") and reference.get("key")):
                yield f"{one['name']} is not a reference to a Secret"


def has_our_settings(pod: Pod) -> Iterator[str]:
    """Every variable is known, none comes twice, and the program takes the values."""
    for container in pod.containers:
        names = [one["name"] for one in container.get("env", [])]
        yield from (f"{name} is no setting" for name in names if not is_known(name))
        yield from (f"{name} comes twice" for name in set(names) if names.count(name) > 1)
    if not pod.is_ours:
        return
    given = {name: value for name, value in pod.env.items() if name in SETTINGS and value != "(secret)"}
    try:
        Settings.load(given)
    except SettingsError as error:
        yield f"the program would not start: {error}"


def drains_in_time(pod: Pod) -> Iterator[str]:
    """Who has a job is given the time to end it, and is not killed before it has handed back what has not ended."""
    if not pod.is_worker:
        return
    drain, grace = int(pod.env["DRAIN_TIMEOUT"]), pod.spec["terminationGracePeriodSeconds"]
    if grace <= drain:
        yield f"is killed after {grace} s, before DRAIN_TIMEOUT ({drain} s)"
    container = pod.containers[0]
    if "preStop" in container.get("lifecycle", {}):
        yield "has a preStop hook: SIGTERM alone begins the drain, and a second one ends it"
    limit = pod.env.get("MAX_MEMORY_USAGE")
    memory = container["resources"]["limits"]["memory"]
    whole = int(memory[:-2]) * _UNITS[memory[-2:]]
    slots = int(pod.env["CONCURRENT_TASKS"]) if pod.env["POOL_TYPE"] == "pool" else 1
    if limit is not None and int(limit) * slots >= whole:
        yield f"{slots} jobs of MAX_MEMORY_USAGE {limit} KiB leave nothing of {whole} KiB to the worker"


def ends_after_one(pod: Pod) -> Iterator[str]:
    """A pod of a Job does one job, or waits no longer than IDLE_TIMEOUT, and nobody starts it again or ends it."""
    if pod.owner["kind"] != "ScaledJob":
        return
    job = pod.owner["spec"]["jobTargetRef"]
    if pod.env.get("MAX_TASKS_BEFORE_SHUTDOWN") != "1" or not int(pod.env.get("IDLE_TIMEOUT", "0")):
        yield "does not end by itself"
    if pod.command != ["pixyz-scheduler", "worker", "--no-watchdog"]:
        yield "is started again by its own watchdog"
    if pod.spec.get("restartPolicy") != "Never" or job.get("backoffLimit") != 0:
        yield "is started again by Kubernetes"
    if "activeDeadlineSeconds" in job or "activeDeadlineSeconds" in pod.spec:
        yield "is killed at a deadline"
    if pod.owner["spec"].get("rollout", {}).get("strategy") != "gradual":
        yield "is deleted when its ScaledJob changes"
