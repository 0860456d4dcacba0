"""The image that all others are built on where no registry is: a small Debian, made from its packages."""

import subprocess
from pathlib import Path

from tests.images.programs import Programs, Unavailable

# What the Dockerfile would else ask an index of packages for, and the store's own program.
PACKAGES = ("python3", "python3-venv", "tini", "libgl1", "libx11-6", "redis-server")
PYTHON = "3.11.2"
"""Of this Debian."""
_SUITE = "bookworm"
# No test reads or draws with these, and they are two thirds of it.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", "/usr/lib/*/dri/*", "/usr/lib/*/libLLVM*")


def make_base(programs: Programs, archive: Path) -> None:
    """Write it as a tar archive.

    Raises:
        Unavailable: Debian's packages cannot be had.
    """
    sources = archive.with_suffix(".sources")
    # Those of this machine, wherever they are; of others than Debian's nothing is needed.
    sources.write_text("\n".join(each.read_text() for each in _sources()))
    options = [f"--dpkgopt=path-exclude={each}" for each in _LEFT_OUT]
    done = subprocess.run(
        [
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", *options,
            "--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"', _SUITE, archive, sources,
        ],
        env=programs.environment,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Unavailable(f"mmdebstrap makes no {_SUITE}: {done.stderr.strip()[-300:]}")


def _sources() -> list[Path]:
    apt = Path("/etc/apt")
    ours = [*apt.glob("sources.list.d/debian*.sources")]
    return ours or [apt / "sources.list"]
