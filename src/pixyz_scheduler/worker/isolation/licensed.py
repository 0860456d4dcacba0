"""run_licensed: an attempt in a clean session of the Pixyz SDK, under a licence; where there is no SDK, as it is."""

from collections.abc import Mapping
from typing import Any

from pixyz_scheduler.engine.sdk import JobSession
from pixyz_scheduler.errors import LicenceMissing
from pixyz_scheduler.script.channel import TwoWayChannel
from pixyz_scheduler.script.host import run_attempt


def run_licensed(request: Mapping[str, Any], channel: TwoWayChannel, *, session: JobSession) -> int:
    """Run it; the answer is the status to exit with."""
    try:
        with session:
            return run_attempt(request, channel)
    except LicenceMissing as error:
        channel.send({"type": "hindered", "reason": str(error)})
        return 1
