"""scripts/test-docker: the course, told as it goes. Exit status 0: passed, 1: failed, 77: no engine to be had here."""

import os
import sys

from tests.images.course import run
from tests.images.programs import Unavailable


def main() -> int:
    """Run it."""
    if os.geteuid() != 0:
        print("test-docker: must be root", file=sys.stderr)
        return 77
    try:
        run(lambda text: print(text, flush=True))
    except Unavailable as error:
        print(f"test-docker: no engine is to be had here: {error}", file=sys.stderr)
        return 77
    except AssertionError as error:
        print(f"test-docker: failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
