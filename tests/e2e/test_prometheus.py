"""The real Prometheus, with the rules that users take as they are, on a real API and worker."""

import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.cli.server import free_port
from tests.e2e.test_workers import KEY, ROOT, farm, queue  # noqa: F401  (fixtures)

RULES = ROOT / "deploy" / "monitoring" / "rules"
SCRIPT = "def main(pc, params):\n    return 1\n"


class Prometheus:
    """A running one."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **params: str) -> dict:
        """What it answers, once it is there."""
        while True:
            try:
                answer = self._http.get(f"/api/v1/{path}", params=params)
                if answer.is_success:
                    return answer.json()["data"]
            except httpx.TransportError:
                pass
            time.sleep(0.05)

    def ask(self, question: str) -> list[tuple[dict, float]]:
        """Labels and value of each series."""
        return [(found["metric"], float(found["value"][1])) for found in self.get("query", query=question)["result"]]

    def until(self, question: str, value: float) -> None:
        """Asks until one series has this value."""
        while [found for _, found in self.ask(question)] != [value]:
            time.sleep(0.1)


@contextmanager
def running(program: str, folder: Path, targets: dict[str, str]):
    """Scrapes each second, and evaluates the rules as often."""
    (folder / "metrics-key").write_text(KEY)
    by_key = {"credentials_file": "metrics-key"}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES / "*.yml")],
        "scrape_configs": [
            {"job_name": job, "authorization": by_key, "static_configs": [{"targets": [at]}]}
            for job, at in targets.items()
        ],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    options = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    process = subprocess.Popen([program, *options])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            yield Prometheus(http)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def watched(farm, queue, prometheus, tmp_path):  # noqa: F811
    """A farm with a worker on this queue, and Prometheus that scrapes both."""
    port = free_port()
    targets = {"pixyz-api": f"127.0.0.1:{farm.environment['API_PORT']}", "pixyz-worker": f"127.0.0.1:{port}"}
    with (
        farm.worker(queue, METRICS_PORT=str(port), METRICS_HOST="127.0.0.1"),
        running(prometheus.server, tmp_path, targets) as asked,
    ):
        yield asked


def test_prometheus_counts_a_job_and_evaluates_every_rule(farm, queue, watched):  # noqa: F811
    watched.until('sum(up{job=~"pixyz-(api|worker)"})', 2)
    farm.ended(farm.send(SCRIPT, queue=queue))
    watched.until(f'pixyz_jobs_ended_total{{queue="{queue}", outcome="success", process="custom"}}', 1)
    watched.until(f'pixyz_job_end_to_end_seconds_count{{queue="{queue}"}}', 1)
    watched.until('pixyz_worker_attempts_total{job="pixyz-worker"}', 1)
    watched.until(f'max(pixyz_slots{{queues="{queue}"}})', 1)
    # Of two scrapes a rate; of a rate a record.
    farm.ended(farm.send(SCRIPT, queue=queue))
    while not [rate for _, rate in watched.ask(f'pixyz:jobs_ended:rate5m{{queue="{queue}"}}') if rate > 0]:
        time.sleep(0.1)
    rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    while "unknown" in {rule["health"] for rule in rules}:
        time.sleep(0.1)
        rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    assert len(rules) > 25


def test_an_alert_is_on_its_way_when_jobs_wait_where_nobody_listens(farm, watched):  # noqa: F811
    farm.send(SCRIPT, queue="nobody-is-here")
    alerts = {}
    while "PixyzQueueNameUnknown" not in alerts:
        alerts = {one["labels"]["alertname"]: one["state"] for one in watched.get("alerts")["alerts"]}
        time.sleep(0.1)
    # It waits for five minutes to be sure.
    assert alerts["PixyzQueueNameUnknown"] == "pending"
    assert watched.ask("max(pixyz_queues_unserved)") == [({}, 1.0)]
