"""try_licence: whether the SDK's licence can be had, found out in a process of its own, which gives it back.

For workers whose jobs each take their own: run as `python -m pixyz_scheduler.worker.isolation.trial`, it prints why
there is none.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.sdk import job_session
from pixyz_scheduler.errors import LicenceMissing, Unavailable

_log = logging.getLogger(__name__)

_REFUSED = 100


def try_licence(engine: EngineChoice, environment: Mapping[str, str]) -> None:
    """Take the licence and give it back, where that is asked for at the worker's start.

    Raises:
        LicenceMissing: there is none, or no answer in LICENSE_TIMEOUT.
        Unavailable: the SDK does not start.
    """
    if not engine.is_sdk or not engine.licence.at_start:
        return
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler.worker.isolation.trial"],
            env={**environment, **engine.to_environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=engine.licence.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        _tell(late.stderr)
        raise LicenceMissing(
            f"The Pixyz SDK has not come to a licence in {engine.licence.timeout:g} s (LICENSE_TIMEOUT)."
        ) from None
    _tell(done.stderr)
    if done.returncode == _REFUSED:
        raise LicenceMissing(done.stdout.strip())
    if done.returncode:
        raise Unavailable(f"The Pixyz SDK does not start: exit status {done.returncode}; see above.")


def _tell(said: str | bytes | None) -> None:
    """What the SDK says of itself is of use where it does not start."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said or ""
    if text.strip():
        _log.info("the Pixyz SDK says: %s", text.strip())


def main() -> int:
    """Try it; the exit status."""
    session = job_session(EngineChoice.from_environment(os.environ))
    try:
        session.hold()
    except LicenceMissing as error:
        print(error)  # noqa: T201  (whoever started this reads it)
        return _REFUSED
    session.let_go()
    return 0


if __name__ == "__main__":
    sys.exit(main())
