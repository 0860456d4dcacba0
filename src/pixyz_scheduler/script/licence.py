"""The Pixyz SDK's session and licence as scripts ask for them; on a machine without the SDK both do nothing."""

import importlib
import os
from dataclasses import replace
from types import TracebackType
from typing import Any

from typing_extensions import Self

from pixyz_scheduler.engine.choice import EngineChoice, put_on_path
from pixyz_scheduler.engine.sdk import Session


class License:
    """A Pixyz licence, held from `acquire` to `release` or for a `with` block.

    Where the worker, or the job, holds one already, it is that one, and `release` leaves it.

    Args:
        host: the FlexLM server; None for what LICENSE_FLEXLM, LICENSE_HOST and LICENSE_PORT say.
        port: the server's.
        sdk: the SDK's session instead of that of this machine.
    """

    def __init__(self, host: str | None = None, port: int | None = None, *, sdk: Session | None = None) -> None:
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
        self._sdk = self._sdk or _installed_sdk(*self._server)
        if self._sdk is None or self._held:
            return self._held
        self._sdk.open()
        self._held = True
        return True

    def release(self) -> None:
        """Give the licence back; without effect when it is not held."""
        if self._sdk is not None and self._held:
            self._sdk.close()
        self._held = False

    def reset_session(self) -> None:
        """Clear the SDK's scene; without effect when the licence is not held."""
        if self._sdk is not None and self._held:
            self._sdk.reset()

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


def _installed_sdk(host: str | None, port: int | None) -> Session | None:
    choice = EngineChoice.from_environment(os.environ)
    if not choice.is_sdk:
        return None
    terms = choice.licence
    if host is not None:
        terms = replace(terms, flexlm=True, host=host, port=terms.port if port is None else port)
    put_on_path(choice.sdk)
    module: Any = importlib.import_module("pixyz_scheduler.engine.session")  # imports pxz
    session: Session = module.PixyzSession(terms)
    return session
