"""Pods: every pod template that objects have, and what of a worker's can be read from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.chart.rendering import Rendered


@dataclass(frozen=True)
class Pod:
    """A pod, and the object that makes it."""

    owner: dict[str, Any]
    template: dict[str, Any]

    @property
    def place(self) -> str:
        """Kind and name of its owner."""
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}"

    @property
    def spec(self) -> dict[str, Any]:
        """Its spec."""
        found: dict[str, Any] = self.template["spec"]
        return found

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        found: dict[str, str] = self.template["metadata"]["labels"]
        return found

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All of them."""
        return [*self.spec["containers"], *self.spec.get("initContainers", [])]

    @property
    def env(self) -> dict[str, str]:
        """The variables of its first container; of a secret one its reference."""
        return {one["name"]: one.get("value", "(secret)") for one in self.spec["containers"][0].get("env", [])}

    @property
    def is_worker(self) -> bool:
        """Whether it runs jobs."""
        return self.labels.get("pixyz-scheduler/role") == "worker"

    @property
    def command(self) -> list[str]:
        """What its first container runs: its own command, or the images' program with its arguments."""
        container = self.spec["containers"][0]
        found: list[str] = container.get("command") or ["pixyz-scheduler", *container["args"]]
        return found

    @property
    def is_ours(self) -> bool:
        """Whether the scheduler's own program runs in it."""
        return self.command[0] == "pixyz-scheduler"


def pods_of(rendered: Rendered) -> list[Pod]:
    """All pods that these objects make."""
    return list(_pods(rendered))


def _pods(rendered: Rendered) -> Iterator[Pod]:
    for thing in rendered.objects:
        if thing["kind"] == "Pod":
            yield Pod(thing, thing)
        elif thing["kind"] in {"Deployment", "StatefulSet"}:
            yield Pod(thing, thing["spec"]["template"])
        elif thing["kind"] == "ScaledJob":
            yield Pod(thing, thing["spec"]["jobTargetRef"]["template"])
