"""A worker whose Celery believes to be on Windows: without its event loop, and with what it leaves out there."""

import sys

from celery import Celery

from pixyz_scheduler.cli.main import main

if __name__ == "__main__":
    Celery.IS_WINDOWS = True
    sys.argv[1:] = ["worker", "--no-watchdog"]
    main()
