"""What the chart makes of groups of workers: their time to drain, their memory, their number, where they run."""

from typing import Any

from scripts.chart.pods import Pod, pods_of
from scripts.chart.rendering import example, render
from tests.contract.chart.values import merged, of_minimal


def test_a_leaving_pod_has_as_long_as_its_longest_job_and_is_not_killed_before() -> None:
    pod = worker({"jobs": {"timeLimit": 1800, "retryTimeLimit": 5400}}, "cpu")

    assert pod.env["DRAIN_TIMEOUT"] == "5460"
    assert pod.spec["terminationGracePeriodSeconds"] == 5490
    assert "lifecycle" not in pod.containers[0]


def test_what_the_api_gives_a_job_counts_where_the_groups_own_limit_is_less() -> None:
    pod = worker({"jobs": {"timeLimit": 9000}, "workers": {"cpu": {"timeLimit": 60, "retryTimeLimit": 60}}}, "cpu")

    assert (pod.env["PIXYZ_TIME_LIMIT"], pod.env["PIXYZ_RETRY_TIME_LIMIT"]) == ("60", "60")
    assert pod.env["DRAIN_TIMEOUT"] == "9060"


def test_a_long_limit_of_a_group_is_its_own() -> None:
    values = {"workers": {"cpu": {"timeLimit": 1000000}}}

    assert worker(values, "cpu").env["DRAIN_TIMEOUT"] == "1000060"
    assert worker(values, "gpuhigh").env["DRAIN_TIMEOUT"] == "3660"


def test_preparation_counts_where_scripts_bring_packages_or_inputs_come_by_url() -> None:
    assert worker({"settings": {"SCRIPT_DEPENDENCIES": "off"}}, "cpu").env["DRAIN_TIMEOUT"] == "3660"
    assert worker({"settings": {"SCRIPT_DEPENDENCIES": "allow"}}, "cpu").env["DRAIN_TIMEOUT"] == "5460"
    assert worker({"settings": {"ALLOW_INPUT_URLS": "off"}}, "cpu").env["DRAIN_TIMEOUT"] == "3660"
    assert worker({"workers": {"cpu": {"env": {"ALLOW_INPUT_URLS": "https"}}}}, "cpu").env["DRAIN_TIMEOUT"] == "5460"


def test_jobs_have_what_the_limit_leaves_of_the_workers_reserve_and_of_each_slots_wall() -> None:
    big = {"slots": 3, "memoryReserve": "1Gi", "resources": {"limits": {"memory": "10Gi"}}}

    pod = worker({"workers": {"cpu": big}}, "cpu")

    assert int(pod.env["MAX_MEMORY_USAGE"]) == (10 - 1) * 1048576 // 3 - 32 * 1024
    assert pod.env["MAX_MEMORY_USAGE_GPUHIGH"] == pod.env["MAX_MEMORY_USAGE"]
    assert pod.containers[0]["resources"]["limits"] == {"cpu": "2", "memory": "10Gi"}


def test_a_group_overrides_defaults_by_false_and_by_nothing_too() -> None:
    values = {
        "keda": {"enabled": True},
        "workers": {
            "cpu": {"memoryGuard": False, "topologySpread": False, "replicas": {"min": 0}, "pdb": {"enabled": False}}
        },
    }

    rendered = of_minimal(values)

    pod = worker(values, "cpu")
    assert "MAX_MEMORY_USAGE" not in pod.env
    assert "topologySpreadConstraints" not in pod.spec
    assert rendered.the("ScaledObject", "worker-cpu")["spec"]["minReplicaCount"] == 0
    assert not [one for one in rendered.of_kind("PodDisruptionBudget") if one["metadata"]["name"].endswith("-cpu")]


def test_without_keda_a_group_has_its_fewest_pods_and_one_at_least() -> None:
    values = {"workers": {"cpu": {"replicas": {"min": 0}}, "gpuhigh": {"replicas": {"min": 2}}}}

    rendered = of_minimal(values)

    assert rendered.the("Deployment", "worker-cpu")["spec"]["replicas"] == 1
    assert rendered.the("Deployment", "worker-gpuhigh")["spec"]["replicas"] == 2
    assert not rendered.of_kind("ScaledObject", "ScaledJob", "TriggerAuthentication")


def test_with_keda_every_group_is_scaled_by_all_of_its_own_queues() -> None:
    rendered = of_minimal({"keda": {"enabled": True}, "workers": {"gpuhigh": {"mode": "job", "replicas": {"min": 0}}}})

    asked = {
        one["metadata"]["name"]: one["spec"]["triggers"][0]["metadata"]
        for one in rendered.of_kind("ScaledObject", "ScaledJob")
    }
    address = "http://farm-pixyz-api.pixyz.svc:8001/scaling"
    assert {name: (one["url"], one["targetValue"]) for name, one in asked.items()} == {
        "farm-pixyz-worker-cpu": (f"{address}/cpu,gpu", "1"),
        "farm-pixyz-worker-gpuhigh": (f"{address}/gpuhigh", "1"),
        "farm-pixyz-worker-control": (f"{address}/control,zip,clean", "5"),
    }
    key = rendered.the("TriggerAuthentication", "api-key")["spec"]["secretTargetRef"]
    assert key == [{"parameter": "apiKey", "name": "pixyz-scheduler", "key": "api-key"}]


def test_a_group_of_as_many_pods_always_is_not_scaled() -> None:
    rendered = of_minimal({"keda": {"enabled": True}, "workers": {"cpu": {"replicas": {"min": 3, "max": 3}}}})

    assert rendered.the("Deployment", "worker-cpu")["spec"]["replicas"] == 3
    assert not [one for one in rendered.of_kind("ScaledObject") if one["metadata"]["name"].endswith("-cpu")]


def test_a_pod_for_each_job_ends_after_it_or_when_it_finds_none() -> None:
    values = {
        "keda": {"enabled": True},
        "workers": {
            "cpu": {"mode": "job", "maxTasks": 50, "scaling": {"idleTimeout": 45}, "replicas": {"min": 0, "max": 7}}
        },
    }

    pod, spec = worker(values, "cpu"), of_minimal(values).the("ScaledJob", "worker-cpu")["spec"]

    assert (pod.env["MAX_TASKS_BEFORE_SHUTDOWN"], pod.env["IDLE_TIMEOUT"], pod.spec["restartPolicy"]) == (
        "1",
        "45",
        "Never",
    )
    assert pod.command == ["pixyz-scheduler", "worker", "--no-watchdog"]
    assert (spec["jobTargetRef"]["backoffLimit"], spec["rollout"]) == (0, {"strategy": "gradual"})
    assert "activeDeadlineSeconds" not in spec["jobTargetRef"]
    [budget] = [
        one for one in of_minimal(values).of_kind("PodDisruptionBudget") if one["metadata"]["name"].endswith("-cpu")
    ]
    assert budget["spec"]["minAvailable"] == 7


def test_a_worker_that_ends_after_many_jobs_is_started_again_by_its_own_watchdog() -> None:
    plain, counted = worker({}, "cpu"), worker({"workers": {"cpu": {"maxTasks": 100}}}, "cpu")

    assert plain.command == ["pixyz-scheduler", "worker", "--no-watchdog"]
    assert counted.command == ["pixyz-scheduler", "worker"]
    assert counted.env["MAX_TASKS_BEFORE_SHUTDOWN"] == "100"


def test_a_gpu_and_a_spot_node_are_asked_for_and_their_taints_borne() -> None:
    group = {"gpu": {"count": 2}, "spot": "aks", "nodeSelector": {"pool": "gpu"}, "tolerations": [{"key": "mine"}]}

    pod = worker({"workers": {"cpu": group}}, "cpu")

    assert pod.containers[0]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert pod.spec["nodeSelector"] == {"pool": "gpu", "kubernetes.azure.com/scalesetpriority": "spot"}
    assert [one["key"] for one in pod.spec["tolerations"]] == [
        "mine",
        "kubernetes.azure.com/scalesetpriority",
        "nvidia.com/gpu",
    ]


def test_a_pod_with_a_job_is_left_alone_by_the_clusters_autoscaler_unless_the_group_says_otherwise() -> None:
    kept = worker({}, "cpu").template["metadata"]["annotations"]
    given = worker({"workers": {"cpu": {"evictable": True}}}, "cpu").template["metadata"].get("annotations", {})

    assert kept["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert kept["karpenter.sh/do-not-disrupt"] == "true"
    assert not {"cluster-autoscaler.kubernetes.io/safe-to-evict", "karpenter.sh/do-not-disrupt"} & given.keys()


def test_prometheus_knows_api_and_workers_by_the_names_that_its_rules_ask_for() -> None:
    rendered = of_minimal({"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}})

    [api] = rendered.the("ServiceMonitor", "-api")["spec"]["endpoints"]
    [workers] = rendered.the("PodMonitor", "-workers")["spec"]["podMetricsEndpoints"]
    assert api["relabelings"] == [{"targetLabel": "job", "replacement": "pixyz-api"}]
    assert workers["relabelings"] == [{"targetLabel": "job", "replacement": "pixyz-worker"}]


def test_only_workers_with_the_sdk_are_told_of_a_licence() -> None:
    licence = {"type": "flexlm", "flexlm": {"host": "licences.example.com"}, "tokens": 4}
    values = {"licence": licence, "workers": {"gpuhigh": {"image": "worker-pixyz", "engine": "pixyz"}}}

    assert worker(values, "gpuhigh").env["LICENSE_HOST"] == "licences.example.com"
    assert (worker(values, "cpu").env["LICENSE_FLEXLM"], worker(values, "cpu").env["LICENSE_TOKENS"]) == ("false", "4")
    assert worker(values, "control").env["DISABLE_PIXYZ"] == "true"


def test_a_licence_file_comes_from_its_secret() -> None:
    licence = {"type": "file", "file": {"existingSecret": "seat", "key": "a.lic", "mountPath": "/etc/pixyz/b.lic"}}

    pod = worker({"licence": licence, "workers": {"cpu": {"image": "worker-pixyz"}}}, "cpu")

    [volume] = [one for one in pod.spec["volumes"] if one["name"] == "licence"]
    [mount] = [one for one in pod.containers[0]["volumeMounts"] if one["name"] == "licence"]
    assert volume["secret"]["items"] == [{"key": "a.lic", "path": "b.lic"}]
    assert (mount["mountPath"], mount["subPath"]) == ("/etc/pixyz/b.lic", "b.lic")


def worker(values: dict[str, Any], group: str) -> Pod:
    """The pod of a group, of the smallest example with these values."""
    [found] = [pod for pod in pods_of(of_minimal(values)) if pod.place.endswith(f"-worker-{group}")]
    return found


def test_the_longest_names_are_no_longer_than_a_label_may_be() -> None:
    group = "g" * 20
    values = merged(example("minimal"), {"keda": {"enabled": True}, "workers": {group: {"queues": ["big"]}}})

    made = render(values, release="r" * 53).objects

    assert any(one["metadata"]["name"].endswith(f"-worker-{group}") for one in made)
    assert max(len(f"keda-hpa-{one['metadata']['name']}") for one in made) <= 63


def test_a_release_that_says_what_it_is_has_no_second_name() -> None:
    names = {one["metadata"]["name"] for one in render(example("minimal"), release="pixyz").of_kind("Deployment")}

    assert names == {"pixyz-api", "pixyz-worker-cpu", "pixyz-worker-gpuhigh", "pixyz-worker-control"}


def test_a_budget_does_not_keep_the_last_api_on_its_node() -> None:
    budgets = [one["metadata"]["name"] for one in of_minimal({"api": {"replicas": 1}}).of_kind("PodDisruptionBudget")]

    assert "farm-pixyz-api" not in budgets
    assert "farm-pixyz-worker-cpu" in budgets


def test_an_annotation_of_the_users_own_goes_before_the_charts() -> None:
    own = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}

    pod = worker({"podAnnotations": own}, "cpu")

    assert pod.template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "true"
