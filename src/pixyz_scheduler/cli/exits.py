"""The exit statuses, as users' shell scripts know them."""

from collections.abc import Mapping

REFUSED = 1
"""The server, the network or the disk said no."""
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

BY_STATUS: Mapping[str, int] = {
    "SUCCESS": 0,
    "FAILURE": 10,
    "REVOKED": 11,
    "RETRY": 12,
    "PENDING": 13,
    "SENT": 13,
    "STARTED": 14,
    "RUNNING": 14,
    "RECEIVED": 15,
    "REJECTED": 16,
    "UNKNOWN": 17,
}


def exit_status(status: str) -> int:
    """The exit status that tells where a job stands; a status we have never heard of is unknown."""
    return BY_STATUS.get(status, BY_STATUS["UNKNOWN"])
