"""The Pixyz SDK's session and licence as scripts ask for them; on a machine without the SDK both do nothing."""

import importlib
import importlib.util
from types import TracebackType
from typing import Protocol, cast

from typing_extensions import Self

from pixyz_scheduler.errors import LicenceMissing


class SdkLicence(Protocol):
    """What `engine.pixyz`, the only importer of the SDK, offers of its licence."""

    def acquire_licence(self, host: str | None, port: int | None) -> bool:
        """Start the SDK and get a licence, from the FlexLM server where one is named; whether there is one."""

    def reset_session(self) -> None:
        """Forget the scene, keep the licence."""

    def release_licence(self) -> None:
        """Give the licence back and stop the SDK."""


class License:
    """A Pixyz licence, held from `acquire` to `release` or for a `with` block.

    Args:
        host: the FlexLM server; None where the node has a licence of its own.
        port: the server's.
        sdk: what to ask instead of the SDK of this machine.
    """

    def __init__(self, host: str | None = None, port: int | None = None, *, sdk: SdkLicence | None = None) -> None:
        self._server = (host, port)
        self._sdk = sdk
        self._held = False

    @property
    def held(self) -> bool:
        """Whether this object holds the licence."""
        return self._held

    def acquire(self) -> bool:
        """Get the licence; False where the SDK is not installed, so that a script runs there with the open engine.

        Raises:
            LicenceMissing: the SDK is here and has no licence.
        """
        self._sdk = self._sdk or _installed_sdk()
        if self._sdk is None or self._held:
            return self._held
        if not self._sdk.acquire_licence(*self._server):
            raise LicenceMissing("The Pixyz SDK has no licence: set the LICENSE_ settings or install a node licence.")
        self._held = True
        return True

    def release(self) -> None:
        """Give the licence back; without effect when it is not held."""
        if self._sdk is not None and self._held:
            self._sdk.release_licence()
        self._held = False

    def reset_session(self) -> None:
        """Clear the SDK's scene; without effect when the licence is not held."""
        if self._sdk is not None and self._held:
            self._sdk.reset_session()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class PiXYZSession:
    """A clean scene of the Pixyz SDK for a `with` block: no part of one block is left for the next."""

    def __init__(self, license: License | None = None) -> None:  # noqa: A002  (the argument's name in users' scripts)
        self.license = license or License()

    def start(self) -> Self:
        """Get the licence and begin."""
        self.license.acquire()
        return self

    def stop(self) -> None:
        """Clear the scene and give the licence back."""
        self.license.reset_session()
        self.license.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def sdk_is_here() -> bool:
    """Whether the Pixyz SDK can be imported, found without importing it."""
    return importlib.util.find_spec("pxz") is not None


def _installed_sdk() -> SdkLicence | None:
    if not sdk_is_here():
        return None
    return cast("SdkLicence", importlib.import_module("pixyz_scheduler.engine.pixyz"))
