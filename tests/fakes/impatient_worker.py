"""A worker whose broker gives each unacknowledged message out again after 2 s: `python impatient_worker.py`."""

import sys

from pixyz_scheduler.broker import celery_app
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker import main as worker

VISIBILITY = 2


def impatient(*, broker_url, result_backend):
    app = celery_app.make_celery(broker_url=broker_url, result_backend=result_backend)
    app.conf.broker_transport_options.update(visibility_timeout=VISIBILITY, unacked_restore_interval=1)
    return app


if __name__ == "__main__":
    worker.make_celery = impatient
    sys.exit(worker.main(Settings.load()))
