"""What of the chart is made: README.md, its schema's names of settings, its alerts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.chart.env_names import GIVEN

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
CHART = DEPLOY / "helm" / "pixyz-scheduler"
RULES = DEPLOY / "monitoring" / "rules"

# A pattern of the schema, in words.
WORDS = {
    r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$": "a name, as Kubernetes allows",
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$": "a name, as Kubernetes allows, or empty",
    r"^[-._a-zA-Z0-9]{1,253}$": "a key of a Secret",
    r"^[-._a-zA-Z0-9]{0,253}$": "a key of a Secret, or empty",
    r"^(/[-._a-zA-Z0-9]+)+$": "an absolute path",
    r"^(/[-._a-zA-Z0-9]+)*$": "an absolute path, or empty",
    r"^[-._a-zA-Z0-9/]*$": "a relative path, or empty",
    r"^[1-9][0-9]*(Ki|Mi|Gi|Ti)$": "such as `768Mi`",
    r"^([1-9][0-9]*(Ki|Mi|Gi|Ti))?$": "such as `20Gi`, or empty",
    r"^[a-z0-9]([-._/a-z0-9:]*[a-z0-9])?$": "an image's name",
    r"^([a-z0-9][-._a-z0-9]*(:[0-9]+)?(/[-._a-z0-9]+)*)?$": "a host, a port, a folder, or empty",
    r"^([A-Za-z0-9_][-._A-Za-z0-9]{0,127})?$": "a tag, or empty",
    r"^[-.:a-zA-Z0-9]*$": "a host name or an address, or empty",
    r"^[1-9][0-9]*(s|m)$": "such as `30s`",
    r"^/\S*$": "a path",
    r"^(https?://\S+)?$": "an http or https address, or empty",
    r"^[0-9]+[kmg]?$": "such as `500m`",
    r"^[-.a-z0-9]+/[-.a-zA-Z0-9]+$": "such as `nvidia.com/gpu`",
}

TABLE = "| value | default | meaning | allowed |\n|---|---|---|---|\n"

HEAD = """\
# Helm chart of the Pixyz Scheduler

<!-- Made by scripts/chart_docs.py from values.yaml and values.schema.json: edit those, then run scripts/docs. -->

How to install it, from nothing to the first job: [Kubernetes](../../../docs/how-to/kubernetes.md). `values.yaml` has
all values with comments; [`examples/`](examples) has whole files for AKS, EKS, GKE and bare clusters.

    helm upgrade --install pixyz deploy/helm/pixyz-scheduler --namespace pixyz -f my-values.yaml

- A name or a value that is not allowed is refused, with its place. What is missing is told all at once.
- No secret is a value: Secrets that you have made are named.
- What a leaving pod is given follows from the longest time limit
  ([decision 37](../../../docs/decisions/0037-pods-drain-as-long-as-jobs-may-take.md)).

"""


@dataclass(frozen=True)
class Row:
    """A value: its path, default, meaning, and what is allowed."""

    path: str
    default: str
    meaning: str
    allowed: str

    def __str__(self) -> str:
        return f"| `{self.path}` | {self.default} | {self.meaning} | {self.allowed} |"


def made() -> dict[Path, str]:
    """The files that are made."""
    schema = CHART / "values.schema.json"
    found = json.loads(schema.read_text(encoding="utf-8"))
    return {schema: with_settings(found), CHART / "README.md": readme(found), CHART / "files" / "rules.yml": rules()}


def with_settings(schema: dict[str, Any]) -> str:
    """The schema, with every setting that may be given by `settings` and `env`."""
    names = sorted(GIVEN)
    schema["definitions"]["settings"]["properties"] = {name: {"type": "string"} for name in names}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def rules() -> str:
    """The groups of all files of rules, which a chart can read in its own folder only."""
    groups = [
        group
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]
    return yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as it is read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def readme(schema: dict[str, Any]) -> str:
    """The page."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    parts = [HEAD]
    for name, value in values.items():
        rule = resolved(schema["properties"][name], schema)
        rows = list(rows_of(name, rule, value, schema))
        table = "".join(f"{row}\n" for row in rows)
        parts.append(f"## {name}\n\n{rule['description']}\n\n{TABLE}{table}\n")
    return "".join(parts).rstrip() + "\n"


def rows_of(path: str, rule: dict[str, Any], value: object, schema: dict[str, Any]) -> Iterator[Row]:
    """Of a value, or of all below it; a map of the user's own names is one row."""
    if isinstance(value, dict) and "properties" in rule and not is_free(rule, schema):
        for name, below in rule["properties"].items():
            yield from rows_of(f"{path}.{name}", resolved(below, schema), value.get(name), schema)
        return
    yield Row(path, default_of(path, value), rule.get("description", ""), allowed_of(rule, schema))


def is_free(rule: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether the names in it are the user's to choose, or too many to list."""
    shared = schema["definitions"]
    return any(rule.get("properties") == shared[name]["properties"] for name in ("settings", "affinity", "resources"))


def default_of(path: str, value: object) -> str:
    """As it stands in values.yaml."""
    if path == "workers":
        return "cpu, gpuhigh, control"
    if value in ("", None):
        return "empty"
    return f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`"


def allowed_of(rule: dict[str, Any], schema: dict[str, Any]) -> str:
    """In words."""
    kind = rule.get("type")
    if "enum" in rule:
        return ", ".join(f"`{one}`" if one != "" else "empty" for one in rule["enum"])
    if kind == "integer":
        most = f" to {rule['maximum']}" if "maximum" in rule else " or more"
        return f"a whole number, {rule['minimum']}{most}"
    if kind == "object" and rule.get("properties") == schema["definitions"]["settings"]["properties"]:
        return "settings that the chart does not set itself, and `OTEL_*`"
    if "pattern" in rule:
        return WORDS[rule["pattern"]]
    return {"boolean": "true or false", "string": "text", "array": "a list", "object": "a map"}[kind]


def resolved(rule: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A rule with what it refers to, its own description first."""
    for one in [rule, *rule.get("allOf", [])]:
        if "$ref" in one:
            found: Any = schema
            for step in one["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            said = {"description": rule["description"]} if "description" in rule else {}
            return {**resolved(found, schema), **said}
    return rule
