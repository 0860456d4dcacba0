"""The guides to Kubernetes: their values install, their manifests are valid, what they name is there."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.chart import schemas
from scripts.chart.pods import pods_of
from scripts.chart.rendering import CHART, example, render
from tests.contract.chart.values import merged, of_minimal

ROOT = CHART.parents[2]
GUIDES = sorted((ROOT / "docs" / "how-to").glob("kubernetes*.md"))
MAIN = ROOT / "docs" / "how-to" / "kubernetes.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


YAML = [
    pytest.param(block, id=f"{page.stem}-{index}")
    for page in GUIDES
    for index, block in enumerate(blocks(page, "yaml"))
]


@pytest.mark.parametrize("block", YAML)
def test_every_yaml_of_a_guide_is_a_manifest_that_is_valid_or_values_that_install(block: str) -> None:
    documents = list(yaml.safe_load_all(block))

    if all("kind" in one for one in documents):
        assert [fault for one in documents for fault in schemas.faults_of(one)] == []
    else:
        [values] = documents
        assert of_minimal(merged({"keda": {"enabled": True}}, values)).objects


def test_the_values_of_the_main_guide_install_as_they_stand_there() -> None:
    [whole] = [yaml.safe_load(block) for block in blocks(MAIN, "yaml") if block.startswith("# my-values.yaml")]

    rendered = render(whole)

    [api] = [pod for pod in pods_of(rendered) if pod.place.endswith("-api")]
    assert api.containers[0]["image"].startswith("registry.example.com/pixyz/pixyz-scheduler-api:")


def test_the_secret_of_the_main_guide_has_the_keys_that_the_chart_asks_for(tmp_path: Path) -> None:
    [script] = [block for block in blocks(MAIN, "sh") if "create secret" in block]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    kubectl.chmod(0o755)
    done = subprocess.run(
        ["sh", "-eu", "-c", f'PATH="{tmp_path}:$PATH"\n{script}'], capture_output=True, text=True, check=True
    )
    told = dict(
        line.removeprefix("--from-literal=").split("=", 1) for line in done.stdout.splitlines() if "literal" in line
    )

    digest = subprocess.run(["sha256sum"], input=told["api-key"], capture_output=True, text=True, check=True).stdout
    asked = {reference["key"] for reference in references(render(example("minimal")).objects)}

    assert told.keys() == asked
    assert told["api-key-sha256"] == digest[:64]


def references(thing: Any) -> list[dict[str, str]]:
    """All references to keys of Secrets below something."""
    if isinstance(thing, dict):
        found = [thing["secretKeyRef"]] if "secretKeyRef" in thing else []
        return found + [one for value in thing.values() for one in references(value)]
    return [one for value in thing for one in references(value)] if isinstance(thing, (list, tuple)) else []


@pytest.mark.parametrize("name", ["minimal", "everything"])
def test_what_helm_shows_after_an_installation_names_what_is_there(name: str) -> None:
    rendered = render(example(name))

    for kind, called in re.findall(r"(deployment|service)/(\S+)", rendered.notes):
        assert rendered.the(kind.capitalize(), called)["metadata"]["name"] == called
    assert re.findall(r"get secret (\S+)", rendered.notes) == [rendered.values["auth"]["existingSecret"]]


def test_the_guide_names_the_deployment_that_its_release_makes() -> None:
    [named] = re.findall(r"rollout status deployment/(\S+)", MAIN.read_text(encoding="utf-8"))

    assert named in {
        one["metadata"]["name"] for one in render(example("minimal"), release="pixyz").of_kind("Deployment")
    }


def test_the_guide_tells_the_versions_that_are_checked() -> None:
    text = MAIN.read_text(encoding="utf-8")

    assert "Kubernetes {}, {} and {}".format(*(version.removesuffix(".0") for version in schemas.VERSIONS)) in text
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"] == f">={schemas.VERSIONS[0]}-0"
