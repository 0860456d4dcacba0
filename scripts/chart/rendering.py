"""Rendering: the chart through the real Helm, with the example files or any values."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "pixyz-scheduler"
EXAMPLES = CHART / "examples"

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):
    """As Kubernetes reads: a name that comes twice is an error, which YAML's readers pass over."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  (its base's)
        names = [self.construct_object(key) for key, _ in node.value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"{sorted(twice)} come twice", node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


@dataclass(frozen=True)
class Rendered:
    """What one set of values makes of the chart."""

    name: str
    values: dict[str, Any]
    texts: dict[str, str]

    @cached_property
    def objects(self) -> tuple[dict[str, Any], ...]:
        """All Kubernetes objects."""
        found = []
        for path, text in self.texts.items():
            if not path.endswith("NOTES.txt"):
                found += [one for one in yaml.load_all(text, Loader=_Loader) if one]
        return tuple(found)

    @property
    def notes(self) -> str:
        """What Helm shows after an installation."""
        return next(text for path, text in self.texts.items() if path.endswith("NOTES.txt"))

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """The objects of these kinds."""
        return [one for one in self.objects if one["kind"] in kinds]

    def the(self, kind: str, name: str) -> dict[str, Any]:
        """The one object of that kind whose name ends so."""
        [found] = [one for one in self.of_kind(kind) if one["metadata"]["name"].endswith(name)]
        return found


@lru_cache
def chart() -> helm_python.Chart:
    """The chart, loaded."""
    return helm_python.Chart.load(CHART)


def render(values: dict[str, Any], *, name: str = "values", release: str = "farm") -> Rendered:
    """Raises helm_python.HelmError, which names the place, where the values cannot be installed."""
    texts = chart().render(values, name=release, namespace="pixyz")
    return Rendered(name, chart().merge_values(values), texts)


def example(name: str) -> dict[str, Any]:
    """The values of an example."""
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def examples() -> list[Rendered]:
    """All of them."""
    return [render(example(path.stem), name=path.stem) for path in sorted(EXAMPLES.glob("*.yaml"))]


def lint(values: dict[str, Any]) -> list[str]:
    """What `helm lint --strict` finds."""
    report = helm_python.lint(CHART, values, strict=True)
    return [f"{one['path']}: {one['error']}" for one in report["messages"] if one["severity"] > 1]
