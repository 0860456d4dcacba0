"""EngineChoice: which engine a process is to use and under which licence; children get it by their environment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

DEFAULT_SDK = Path("/opt/pixyz")
_TRUE = ("1", "true", "yes", "on")


@dataclass(frozen=True)
class LicenceTerms:
    """Where the Pixyz SDK gets its licence.

    Attributes:
        flexlm: ask a FlexLM server if the machine itself has no licence.
        host: that server.
        port: its port.
        at_start: take it when the worker starts and hold it; else for each job.
        timeout: seconds that taking it may last at the worker's start.
    """

    flexlm: bool = False
    host: str = "127.0.0.1"
    port: int = 27000
    at_start: bool = True
    timeout: float = 60.0


@dataclass(frozen=True)
class EngineChoice:
    """Which engine.

    Attributes:
        name: `auto`, `pixyz`, `open` or `none`, as ENGINE.
        disabled: DISABLE_PIXYZ: none, whatever the name.
        sdk: where the Pixyz SDK's package may be.
        licence: the SDK's.
    """

    name: str = "auto"
    disabled: bool = False
    sdk: Path = DEFAULT_SDK
    licence: LicenceTerms = LicenceTerms()

    @property
    def is_none(self) -> bool:
        """No engine at all."""
        return self.disabled or self.name == "none"

    @property
    def is_sdk(self) -> bool:
        """Whether the Pixyz SDK is to be used, and is there."""
        return not self.is_none and self.name != "open" and has_pxz(self.sdk)

    def to_environment(self) -> dict[str, str]:
        """For a child, by the names of the settings."""
        return {
            "ENGINE": self.name,
            "DISABLE_PIXYZ": str(self.disabled).lower(),
            "PIXYZ_PYTHON_PATH": str(self.sdk),
            "LICENSE_FLEXLM": str(self.licence.flexlm).lower(),
            "LICENSE_HOST": self.licence.host,
            "LICENSE_PORT": str(self.licence.port),
            "LICENSE_ACQUIRE_AT_START": str(self.licence.at_start).lower(),
            "LICENSE_TIMEOUT": f"{self.licence.timeout:g}",
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "EngineChoice":
        """As a worker has put it there; what is missing has its default."""
        terms, own = LicenceTerms(), cls()
        return cls(
            name=environment.get("ENGINE", own.name).lower(),
            disabled=_is_true(environment.get("DISABLE_PIXYZ", "")),
            sdk=Path(environment.get("PIXYZ_PYTHON_PATH") or own.sdk),
            licence=LicenceTerms(
                flexlm=_is_true(environment.get("LICENSE_FLEXLM", "")),
                host=environment.get("LICENSE_HOST") or terms.host,
                port=int(environment.get("LICENSE_PORT") or terms.port),
                at_start=_is_true(environment.get("LICENSE_ACQUIRE_AT_START", "true")),
                timeout=float(environment.get("LICENSE_TIMEOUT") or terms.timeout),
            ),
        )


def has_pxz(folder: Path) -> bool:
    """Whether the SDK's package is in this folder, in `/opt/pixyz`, or on sys.path; found without importing it."""
    return _folder_of_pxz(folder) is not None or find_spec("pxz") is not None


def put_on_path(folder: Path) -> None:
    """Let `import pxz` find the SDK that `has_pxz` has found."""
    found = _folder_of_pxz(folder)
    if found is not None and str(found) not in sys.path:
        sys.path.insert(0, str(found))


def _folder_of_pxz(folder: Path) -> Path | None:
    return next((place for place in (folder, DEFAULT_SDK) if (place / "pxz").exists()), None)


def _is_true(text: str) -> bool:
    return text.strip().lower() in _TRUE
