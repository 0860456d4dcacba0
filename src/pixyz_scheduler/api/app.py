"""The API process, built by hand from its settings."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from pixyz_scheduler import __version__
from pixyz_scheduler.api.accelerator import Accelerator
from pixyz_scheduler.api.access import HEADER, Access
from pixyz_scheduler.api.job_reader import JobReader
from pixyz_scheduler.api.job_watch import JobWatch
from pixyz_scheduler.api.log_watch import LogWatch
from pixyz_scheduler.api.metrics import Counted, Metrics
from pixyz_scheduler.api.openapi import NEEDS_KEY, describe, problems
from pixyz_scheduler.api.problems import LastResort, answer_problems
from pixyz_scheduler.api.routes.backend import backend_routes
from pixyz_scheduler.api.routes.dev import dev_routes
from pixyz_scheduler.api.routes.docs import docs_routes
from pixyz_scheduler.api.routes.events import event_routes
from pixyz_scheduler.api.routes.graph import graph_routes
from pixyz_scheduler.api.routes.health import health_routes
from pixyz_scheduler.api.routes.home import home_routes
from pixyz_scheduler.api.routes.jobs import job_routes
from pixyz_scheduler.api.routes.logs import log_routes
from pixyz_scheduler.api.routes.metrics import metrics_routes
from pixyz_scheduler.api.routes.outputs import output_routes
from pixyz_scheduler.api.routes.processes import process_routes
from pixyz_scheduler.api.routes.scaling import scaling_routes
from pixyz_scheduler.api.tracing import Traced
from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect_spared
from pixyz_scheduler.broker.dispatch import CeleryDispatch
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.news import News
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.broker.store_health import StoreHealth
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.intake.admission import Admission
from pixyz_scheduler.job_logs import JobLogs
from pixyz_scheduler.job_outputs import JobOutputs
from pixyz_scheduler.jobs.input_url import AllowedUrls
from pixyz_scheduler.jobs.job import JobOptions
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.logs import set_up_logging
from pixyz_scheduler.monitoring.farm_collector import StoreWatch
from pixyz_scheduler.scheduler import Scheduler
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.surroundings import Surroundings
from pixyz_scheduler.tracing.choice import tracer_of
from pixyz_scheduler.tracing.tracer import NO_TRACER, Tracer
from pixyz_scheduler.upkeep.aftermath import Aftermath
from pixyz_scheduler.upkeep.janitor import Janitor
from pixyz_scheduler.upkeep.mirror import Mirror
from pixyz_scheduler.upkeep.sweeper import Sweeper

_log = logging.getLogger(__name__)

# Seconds for an answer of the store, and for a connection: who asks us knows within two.
_QUICK = 1.0
# Seconds that a stopping server gives to requests under way.
_GRACE = 10
# Seconds that an idle connection is kept: longer than clients keep theirs, so that none is closed as it is used again.
_KEEP_ALIVE = 75
_DESCRIPTION = (
    "Send a Python script, or the name of a process, and a 3D file; workers run it, isolated, and give back files, "
    "progress and result. Every error is `{detail: {code, message, details}}`."
)


def main(settings: Settings) -> int:
    """Serve until a signal ends it; the exit status.

    Raises:
        SettingsError: no key is set, or the share cannot be made.
    """
    set_up_logging(settings.log_level, style=settings.log_format, secrets=settings.secrets)
    check(settings)
    config = uvicorn.Config(
        make_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    server = Server(config)
    # Its records carry their text a second time, in colours.
    logging.getLogger("uvicorn.error").addFilter(_without_colours)
    try:
        # All that is here stays: the collector need not look at it again.
        gc.freeze()
        server.run()
    except SystemExit:
        # The port is taken, or a part did not start: said in the log.
        return 1
    return 0


def check(settings: Settings) -> None:
    """What must be true before the API may start; raises SettingsError."""
    if not settings.god_password_sha256.get_secret_value():
        raise SettingsError(
            "GOD_PASSWORD_SHA256 is not set: the API does not start without a key. Choose a key and set its SHA-256: "
            "printf %s 'my key' | sha256sum | cut -c1-64"
        )
    try:
        settings.share_path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"SHARE_PATH is {settings.share_path}: it cannot be made: {error.strerror}.") from error


def make_app(settings: Settings) -> FastAPI:
    """The application with all that it stands on; it connects to nothing before it is asked something."""
    client = connect_spared(settings.store_url, timeout=_QUICK)
    records = RecordStore(client, pace=PACE.scaled(settings.lease_time_scale))
    celery = make_celery(broker_url=settings.broker_url, result_backend=settings.result_backend)
    dispatch = CeleryDispatch(celery, client)
    share = Share(settings.share_path)
    families = Families(records, client)
    mirror = Mirror(records, share)
    surroundings = Surroundings(share, KnownShare(client), min_free=settings.min_free_space)
    keep = settings.cleanup_delay if settings.cleanup_enabled else None
    tracer = tracer_of(settings.otel, service="pixyz-scheduler-api", instance=f"{socket.gethostname()}-{os.getpid()}")
    sent = tracer or NO_TRACER
    scheduler = Scheduler(
        families=families,
        dispatch=dispatch,
        surroundings=surroundings,
        catalog=ProcessCatalog(settings.process_path),
        defaults=JobOptions(time_limit=settings.job_time_limit),
        ended=mirror.soon,
        admission=Admission(
            urls=AllowedUrls.of(settings.allow_input_urls),
            share=share.root,
            dependencies=settings.script_dependencies == "allow",
        ),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        janitor = Janitor(records, share, surroundings, keep=keep)
        aftermath = Aftermath(records, families, dispatch, ended=mirror.soon, results=Results(share))
        with sent, mirror, Sweeper(records, dispatch, aftermath, ended=mirror.soon, tracer=sent), janitor:
            yield
        await watch.stop()

    watch = JobWatch(JobReader(families.raw), lambda tell: News(settings.store_url, timeout=_QUICK, on_news=tell))
    app = FastAPI(
        title="Pixyz Scheduler",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # FastAPI's own pages load their scripts from a public CDN: ours are in routes/docs.py.
        docs_url=None,
        redoc_url=None,
    )
    outputs = JobOutputs(records, dispatch, surroundings, time_limit=settings.pixyz_time_limit)
    app.state.job_watch = watch
    health = StoreHealth(client)
    app.state.metrics = Metrics(StoreWatch(records, health), surroundings)
    _add_routes(app, scheduler, outputs, JobLogs(records, surroundings), settings)
    _add_layers(app, settings, tracer)
    app.include_router(health_routes(scheduler, health))
    answer_problems(app)
    describe(app)
    return app


def _add_routes(app: FastAPI, scheduler: Scheduler, outputs: JobOutputs, logs: JobLogs, settings: Settings) -> None:
    metrics = app.state.metrics
    watch = app.state.log_watch = LogWatch(logs)
    # They are asked in this order, one after the other: those that are asked most come first.
    closed = [
        job_routes(scheduler, app.state.job_watch, metrics=metrics, max_upload_size=settings.max_upload_size),
        process_routes(scheduler),
        graph_routes(scheduler),
        event_routes(app.state.job_watch),
        output_routes(
            outputs,
            Accelerator(
                settings.download_accelerator, settings.share_path.resolve(), settings.download_accelerator_prefix
            ),
        ),
        log_routes(logs, watch),
        backend_routes(scheduler),
        metrics_routes(metrics),
        scaling_routes(scheduler),
        *([dev_routes()] if settings.debug else []),
    ]
    for router in closed:
        app.include_router(router, dependencies=[NEEDS_KEY], responses=problems(400, 401, 503))
    app.include_router(home_routes(__version__))
    app.include_router(docs_routes(app.title))


def _add_layers(app: FastAPI, settings: Settings, tracer: Tracer | None) -> None:
    # The last one added is the first to see a request.
    if tracer is not None:
        app.add_middleware(Traced, tracer=tracer)
    app.add_middleware(
        Access,
        key_sha256=settings.god_password_sha256.get_secret_value(),
        metrics_sha256=settings.metrics_password_sha256.get_secret_value(),
    )
    app.add_middleware(Counted, metrics=app.state.metrics)
    app.add_middleware(LastResort)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=[
                HEADER,
                "content-type",
                "range",
                "if-none-match",
                "if-range",
                "last-event-id",
                "idempotency-key",
                "traceparent",
                "tracestate",
            ],
            expose_headers=[
                *("content-disposition", "content-range", "etag", "retry-after", "idempotent-replayed"),
                *("x-log-attempt", "x-log-next-offset"),
            ],
        )


def _without_colours(record: logging.LogRecord) -> bool:
    record.__dict__.pop("color_message", None)
    return True


class Server(uvicorn.Server):
    """uvicorn, for which a signal to stop is no failure: the process goes on to its own end."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        if self.started:
            _log.info("the API listens on %s, port %d", self.config.host, self.config.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; who follows a log or a job would be waited for."""
        if isinstance(self.config.app, FastAPI):
            self.config.app.state.log_watch.close()
            self.config.app.state.job_watch.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order at SIGINT and SIGTERM; uvicorn's own would raise the signal again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
