"""in_kib: what a system says of the largest resident set of a process, in KiB."""

import sys


def in_kib(maxrss: int, *, platform: str = sys.platform) -> int:
    """`ru_maxrss`, which macOS counts in bytes and the others in KiB."""
    return maxrss // 1024 if platform == "darwin" else maxrss
