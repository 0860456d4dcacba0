"""JobSession: what a job needs of the Pixyz SDK: a clean scene, under a licence that is held or taken for it."""

from importlib import import_module
from types import TracebackType
from typing import Any, Protocol

from typing_extensions import Self

from pixyz_scheduler.engine.choice import EngineChoice, put_on_path


class Session(Protocol):
    """See `session.PixyzSession`."""

    def open(self) -> None:
        """Start the SDK and take a licence; raises LicenceMissing."""

    def reset(self) -> None:
        """Forget the scene, keep the licence."""

    def close(self) -> None:
        """Give the licence back."""


class JobSession:
    """The session of one job after another; a context manager, entered for each of them.

    Args:
        session: the SDK's; None where there is no SDK, and nothing to do.
    """

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._is_held = False

    def hold(self) -> None:
        """Take the licence for all jobs to come; raises LicenceMissing."""
        if self._session is not None and not self._is_held:
            self._session.open()
            self._is_held = True

    def let_go(self) -> None:
        """Give it back."""
        if self._session is not None and self._is_held:
            self._is_held = False
            self._session.close()

    def __enter__(self) -> Self:
        if self._session is not None and self._is_held:
            self._session.reset()
        elif self._session is not None:
            self._session.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None and not self._is_held:
            self._session.close()


def job_session(choice: EngineChoice) -> JobSession:
    """The session of this process's jobs: without effect where the SDK is not to be used, or cannot be imported."""
    if not choice.is_sdk:
        return JobSession(None)
    put_on_path(choice.sdk)
    try:
        module: Any = import_module("pixyz_scheduler.engine.session")  # imports pxz
    except ImportError:  # `find_engine` says so to the job that needs it
        return JobSession(None)
    return JobSession(module.PixyzSession(choice.licence))
