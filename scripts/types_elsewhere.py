"""Whether types hold on Windows and macOS: mypy as it would run there, whose library lacks what those systems lack.

Left out is what `pyproject.toml` names under [tool.pixyz]: what is not for all systems.
"""

import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print what is wrong; the exit status."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pixyz"]
    apart = {"darwin": [*said["linux-only"], *said["linux-when-called"]]}
    apart["win32"] = [*apart["darwin"], *said["posix-only"], *said["posix-when-called"]]
    wrong = [line for platform, modules in apart.items() for line in errors(platform, modules)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return int(bool(wrong))


def errors(platform: str, apart: list[str]) -> list[str]:
    """What mypy has against each file but those apart."""
    files = tuple(f"src/{name.replace('.', '/')}.py:" for name in apart)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--platform", platform, "--cache-dir", f".cache/mypy-{platform}"),
            # What stands behind a question for another system is so.
            *("--no-warn-unreachable", "--no-error-summary", "--hide-error-context"),
            *("-p", "pixyz_scheduler", "-p", "pixyz_worker"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = [f"{platform}: {line}" for line in done.stdout.splitlines() if not line.startswith(files)]
    return found or [f"{platform}: mypy failed: {done.returncode}"] * (done.returncode not in (0, 1))


if __name__ == "__main__":
    sys.exit(main())
