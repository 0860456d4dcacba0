"""deploy/monitoring: what users take as it is: rules with their own tests, the dashboard, the example configuration."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pixyz_scheduler.monitoring.names import ALL

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yml"))
DASHBOARD = MONITORING / "grafana" / "pixyz-farm.json"
RECORDED = set(re.findall(r"^ +- record: (\S+)$", (MONITORING / "rules" / "recording.yml").read_text(), re.MULTILINE))
ALERTS = set(re.findall(r"^ +- alert: (\S+)$", (MONITORING / "rules" / "alerts.yml").read_text(), re.MULTILINE))
TELLS = (MONITORING / "tests" / "rules_test.yml").read_text()
# What Grafana puts in, for a look without it.
CHOSEN = {"$namespace": ".*", "$queue": ".*", "${source}": "p"}


def promtool(prometheus, *arguments, cwd=MONITORING):
    done = subprocess.run([prometheus.tool, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def known(words):
    """Names of ours in a text that nobody tells or records."""
    told = {named.name for named in ALL} | RECORDED
    told |= {
        f"{named.name}{end}" for named in ALL if named.kind == "histogram" for end in ("_bucket", "_sum", "_count")
    }
    asked = set(re.findall(r"\bpixyz[:_][a-z0-9_:]+", words))
    return sorted(asked - told)


def panels():
    return json.loads(DASHBOARD.read_text())["panels"]


def expressions():
    found = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    for name, value in CHOSEN.items():
        found = [text.replace(name, value) for text in found]
    return found


def test_the_rules_do_what_their_own_tests_say(prometheus):
    status, said = promtool(prometheus, "test", "rules", "tests/rules_test.yml")
    assert status == 0, said


def test_the_rules_own_tests_can_fail(prometheus, tmp_path):
    """A test of tests: with another threshold they are red."""
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    alerts = tmp_path / "monitoring" / "rules" / "alerts.yml"
    alerts.write_text(alerts.read_text().replace("> 900", "> 9000"))
    status, said = promtool(prometheus, "test", "rules", "tests/rules_test.yml", cwd=tmp_path / "monitoring")
    assert (status, "PixyzQueueSlow" in said) == (1, True)


def test_the_example_configuration_is_valid(prometheus, tmp_path):
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    (tmp_path / "monitoring" / "metrics-key").write_text("a key")
    status, said = promtool(prometheus, "check", "config", "prometheus.yml", cwd=tmp_path / "monitoring")
    assert (status, said.count("rules found")) == (0, len(RULES)), said


def test_every_rule_has_a_test():
    firing = set(re.findall(r"alertname: (\w+)\n", TELLS))
    assert sorted(ALERTS - firing) == []
    assert sorted(name for name in RECORDED if name not in TELLS) == []


def test_every_alert_says_what_is_and_what_to_do():
    alerts = (MONITORING / "rules" / "alerts.yml").read_text()
    assert alerts.count("summary: ") == alerts.count("action: ") == alerts.count("severity: ") == len(ALERTS)


@pytest.mark.parametrize("file", [*RULES, DASHBOARD], ids=lambda file: file.name)
def test_nothing_is_asked_that_nobody_tells(file):
    assert known(file.read_text()) == []


def test_every_question_of_the_dashboard_is_one_that_prometheus_understands(prometheus, tmp_path):
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    file = tmp_path / "asked.yml"
    # JSON is YAML.
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    status, said = promtool(prometheus, "check", "rules", str(file))
    assert (status, f"{len(rules)} rules found" in said) == (0, True), said
    assert len(rules) > 20


def test_each_panel_has_an_id_of_its_own_and_lies_beside_the_others():
    places = [panel["gridPos"] for panel in panels()]
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_what_compose_gives_to_prometheus_is_valid(prometheus, tmp_path):
    for name, target in (("docker/prometheus.yml", "prometheus.yml"), ("monitoring/rules", "rules")):
        source = MONITORING.parent / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / target)
    (tmp_path / "metrics-key").write_text("a key")
    status, said = promtool(prometheus, "check", "config", "prometheus.yml", cwd=tmp_path)
    assert (status, said.count("rules found")) == (0, len(RULES)), said
