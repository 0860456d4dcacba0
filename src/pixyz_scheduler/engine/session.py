"""PixyzSession: the Pixyz SDK's session and licence in this process. Beside `engine.pixyz` the only importer of `pxz`.

Written from the public names of the SDK's functions and run against a stand-in only: see docs/decisions/0004.
"""

from types import TracebackType
from typing import ClassVar

import pxz
from typing_extensions import Self

from pixyz_scheduler.engine.choice import LicenceTerms
from pixyz_scheduler.errors import LicenceMissing


class PixyzSession:
    """The SDK's session and licence, held from `open` to `close`; a context manager.

    The SDK has one session a process: what is opened within another (a script's own, in a child whose template holds
    the licence) is that one, and only the outermost gives the licence back.
    """

    _open: ClassVar[int] = 0

    def __init__(self, terms: LicenceTerms = LicenceTerms()) -> None:  # noqa: B008  (frozen)
        self._terms = terms

    def open(self) -> None:
        """Start the SDK and take a licence.

        Raises:
            LicenceMissing: it gets none.
        """
        if PixyzSession._open == 0:
            try:
                self._take()
            except LicenceMissing:
                raise
            except Exception as error:  # the SDK raises its own, of types that it does not publish
                raise LicenceMissing(f"The Pixyz SDK could not be started or licensed: {error}.") from error
        PixyzSession._open += 1

    def reset(self) -> None:
        """Forget the scene, keep the licence: between jobs."""
        pxz.core.resetSession()

    def close(self) -> None:
        """Give the licence back."""
        PixyzSession._open -= 1
        if PixyzSession._open == 0:
            pxz.release()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> None:
        terms = self._terms
        pxz.initialize()
        if pxz.core.checkLicense():
            return
        if not terms.flexlm:
            raise LicenceMissing(
                "The Pixyz SDK has no licence on this machine, and no licence server is asked (LICENSE_FLEXLM)."
            )
        pxz.core.configureLicenseServer(terms.host, terms.port, True)  # noqa: FBT003  (the SDK's own signature)
        if not pxz.core.checkLicense():
            # Its name is not for everybody who reads the job's error.
            raise LicenceMissing(
                "The Pixyz SDK has no licence on this machine, and the licence server (LICENSE_HOST, LICENSE_PORT) "
                "gives none."
            )
