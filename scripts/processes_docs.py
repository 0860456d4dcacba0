"""The page docs/reference/processes.md, from the processes' docstrings."""

import json
import re
from pathlib import Path

from pixyz_scheduler.catalog.processes import ProcessCatalog

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "processes.md"

HEAD = """\
# Processes

<!-- Made by scripts/processes_docs.py from the docstrings in processes/: edit those, then run scripts/docs. -->

A process is a script that is there for everybody who has the key. `pixyz-scheduler list` names those of a scheduler,
`pixyz-scheduler doc -n NAME` shows the docstring; so do `GET /processes` and `GET /processes/{name}`. Those below
come along; the folder of `PROCESS_PATH` takes their place where it is set: see
[Add a process](../how-to/add-a-process.md).

- A parameter that a process does not know is a warning in the result; a wrong value fails the job and says what is
  allowed.
- Which formats can be read and written: [Formats](formats.md).
"""
WITH_FILE = ("convert_file", "decimate", "generate_metadata", "generate_thumbnails", "thumbnail_chained")
SECTION = re.compile(r"^(Params|Example|Result|Outputs):\n", re.MULTILINE)
FILE = re.compile(r"\w+\.(?:\w+|<\w+>)")
PARAMETER = re.compile(r"^(\w+ \([^)]*\)(?:, \w+ \([^)]*\))*): ", re.MULTILINE)


def made() -> dict[Path, str]:
    """The page that is made."""
    return {PAGE: whole_page()}


def whole_page() -> str:
    """The page, a chapter a process."""
    catalog = ProcessCatalog(ROOT / "processes")
    return "\n".join([HEAD, *(chapter(name, catalog.doc(name)) for name in catalog.names())])


def chapter(name: str, doc: str) -> str:
    """What one process does, takes and gives."""
    summary, *rest = SECTION.split(doc)
    parts = dict(zip(rest[::2], map(dedented, rest[1::2]), strict=True))
    example = json.dumps(json.loads(parts["Example"]))
    file = " -i samples/gearbox.step" if name in WITH_FILE else ""
    command = f"pixyz-scheduler process -n {name}{file} -p '{example}' -rw"
    form = f"-F process={name}{file.replace('-i ', '-F file=@')} -F params='{example}'"
    lines = [
        f"## `{name}`",
        "",
        summary.strip(),
        "",
        *parameters(parts["Params"]),
        "",
        "```sh",
        command,
        f'curl -H "x-api-key: $KEY" {form} $API/jobs',
        "```",
        "",
        f"**Result**: {code(parts['Result'])}",
        "",
    ]
    if "Outputs" in parts:
        marked = FILE.sub(r"`\g<0>`", joined(parts["Outputs"]))
        lines += [f"**Outputs**: {marked}", ""]
    return "\n".join(lines)


def parameters(text: str) -> list[str]:
    """A table, or the text where it names no parameters."""
    if not PARAMETER.match(text):
        return [f"**Parameters**: {joined(text)}"]
    named = PARAMETER.split(text)[1:]
    rows = []
    for names, said in zip(named[::2], named[1::2], strict=True):
        both = re.findall(r"(\w+) \(([^)]*)\)", names)
        shown = ", ".join(f"`{name}`" for name, _ in both)
        rows.append(f"| {shown} | {both[0][1]} | {joined(said)} |".replace("||", "|"))
    return ["| parameter | type | meaning |", "|---|---|---|", *rows]


def code(text: str) -> str:
    """The JSON at the start of a text marked as code, the rest as it is."""
    text = joined(text)
    end = text.rfind("}") + 1
    return f"`{text[:end]}`{text[end:]}" if text.startswith("{") else text


def dedented(text: str) -> str:
    """A section without its margin."""
    return "\n".join(line.removeprefix("    ") for line in text.strip("\n").splitlines()).strip()


def joined(text: str) -> str:
    """One paragraph on one line."""
    return " ".join(text.split())
