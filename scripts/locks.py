"""The lock files: writes them with uv, and says offline whether they are in step with pyproject.toml and each other."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
MAIN = "requirements.lock"
SETS: Mapping[str, tuple[str, ...]] = {
    "requirements/build.lock": ("--group", "build"),
    "requirements/flower.lock": ("--extra", "flower"),
    "requirements/server.lock": ("--extra", "server", "--extra", "otel"),
    "requirements/worker.lock": ("--extra", "worker", "--extra", "otel"),
    "requirements/worker-open-engine.lock": ("--extra", "worker", "--extra", "otel", "--extra", "open-engine"),
}
"""What an image installs, with hashes: `pip install --require-hashes --no-deps -r FILE`, then our wheel."""

_PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)")
_COMMON = ("--quiet", "--universal", "--python-version", "3.10", "--no-emit-index-url", "--no-emit-find-links")
_ASKED = ("dependencies", "optional-dependencies", "requires-python")


def main(arguments: Sequence[str]) -> int:
    """`--write` with uv's options for the main one, or `--check`."""
    if arguments[:1] == ["--write"]:
        write(arguments[1:])
        return 0
    if arguments == ["--check"]:
        wrong = list(drift(ROOT))
        for line in wrong:
            print(f"{line}: scripts/lock makes them anew", file=sys.stderr)
        return 1 if wrong else 0
    print("locks.py --write [OPTIONS OF uv pip compile] | --check", file=sys.stderr)
    return 2


def write(options: Sequence[str]) -> None:
    """All lock files; what is in the main one stays where it fits, and the others follow it."""
    everything = ("--extra", "all", "--group", "dev", "--group", "docs")
    # No hashes in the main one, which is installed from any index: which files there are depends on it.
    _compile(MAIN, (*everything, *options), f"scripts/setup installs it. {_made_of(ROOT)}")
    for name, chosen in SETS.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).unlink(missing_ok=True)
        extras = " ".join(chosen).replace("--", "")
        _compile(name, (*chosen, "--generate-hashes", "--constraints", MAIN), f"For images: {extras}. {_made_of(ROOT)}")


def _compile(name: str, options: Sequence[str], about: str) -> None:
    # uv takes a group alone only without a file.
    source = () if "--group" in options and "--extra" not in options else ("pyproject.toml",)
    command = ["uv", "pip", "compile", *_COMMON, "--no-header", "--no-annotate", "--output-file", name, *source]
    subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    pins = (ROOT / name).read_text(encoding="utf-8")
    pins = "".join(line for line in pins.splitlines(keepends=True) if not line.startswith("#"))
    (ROOT / name).write_text(
        f"# Made by scripts/lock from pyproject.toml. {about}. Don't edit.\n{pins}", encoding="utf-8"
    )


def drift(root: Path) -> Iterator[str]:
    """What is out of step, in words."""
    made_of = _made_of(root)
    pinned = _pins((root / MAIN).read_text(encoding="utf-8"))
    for name in (MAIN, *SETS):
        try:
            text = (root / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            yield f"{name} is not there"
            continue
        if made_of not in text.partition("\n")[0]:
            yield f"{name} is of another pyproject.toml"
        if name == MAIN:
            continue
        for package in sorted(_pins(text) - pinned):
            yield f"{name} has {'=='.join(package)}, which {MAIN} has not"
        for line in text.replace("\\\n", "").splitlines():
            if _PIN.match(line) and "--hash=sha256:" not in line:
                yield f"{name} has no hash of {line}"
    for path in sorted((root / "requirements").glob("*")):
        if path.relative_to(root).as_posix() not in SETS:
            yield f"{path.relative_to(root)} is none of ours"


def _pins(text: str) -> set[tuple[str, str]]:
    return {(found[1], found[2]) for line in text.splitlines() if (found := _PIN.match(line))}


def _made_of(root: Path) -> str:
    """A digest of what pyproject.toml asks for: who changes a dependency by hand and not the locks is found by it."""
    pyproject: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "build": pyproject["build-system"]["requires"],
        "groups": pyproject["dependency-groups"],
        **{name: pyproject["project"][name] for name in _ASKED},
    }
    return f"Made of {hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
