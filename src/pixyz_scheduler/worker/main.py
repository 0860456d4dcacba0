"""The worker process, built by hand from its settings."""

import gc
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from pixyz_scheduler.broker.calls import Calls
from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import CeleryDispatch, messages_in
from pixyz_scheduler.broker.done_work import DoneWork
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.farm import Announcer, Farm
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.engine.configured import engine_of
from pixyz_scheduler.errors import LicenceMissing
from pixyz_scheduler.jobs.job import JobId, JobOptions
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.logs import set_up_logging
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.workspace import sweep_workspaces
from pixyz_scheduler.storage.workspaces import Workspaces
from pixyz_scheduler.surroundings import Surroundings
from pixyz_scheduler.tracing.choice import tracer_of
from pixyz_scheduler.tracing.tracer import NO_TRACER
from pixyz_scheduler.upkeep.aftermath import Aftermath
from pixyz_scheduler.upkeep.janitor import Janitor
from pixyz_scheduler.upkeep.mirror import Mirror
from pixyz_scheduler.upkeep.sweeper import Sweeper
from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.cache.program import Program
from pixyz_scheduler.worker.cache.result_cache import ResultCache
from pixyz_scheduler.worker.celery_view import CeleryView
from pixyz_scheduler.worker.children import slots_of
from pixyz_scheduler.worker.consumer import Consumer, quiet_celery
from pixyz_scheduler.worker.door import Door, Page
from pixyz_scheduler.worker.doorbells import Answer, Doorbells
from pixyz_scheduler.worker.drain import Drain
from pixyz_scheduler.worker.execution import Execution
from pixyz_scheduler.worker.identity import at_work, whoami
from pixyz_scheduler.worker.idle_guard import IdleGuard
from pixyz_scheduler.worker.isolation.leftovers import kill_leftovers
from pixyz_scheduler.worker.isolation.slots import Slots
from pixyz_scheduler.worker.lease_keeper import LeaseKeeper
from pixyz_scheduler.worker.leaving import Leaving, give_up
from pixyz_scheduler.worker.limits import MemoryLimit
from pixyz_scheduler.worker.readiness import Readiness
from pixyz_scheduler.worker.run import Workshop
from pixyz_scheduler.worker.share_look import ShareLook
from pixyz_scheduler.worker.stall_guard import StallGuard
from pixyz_scheduler.worker.subtasks import Subtasks
from pixyz_scheduler.worker.task_metas import TaskMetas
from pixyz_scheduler.worker.vitals import Vitals, hindrances_of

_log = logging.getLogger(__name__)

_SWITCH = 0.0005
# Longer than one waiting of Calls, or of Doorbells.
_LISTENING = 5.0
# The exit status of a worker that was called off by `admin drain`, and of one without licence: its launcher heeds both.
CALLED_OFF = 76
NO_LICENCE = 100


def main(settings: Settings) -> int:
    """Work until a signal ends it; the exit status."""
    set_up_logging(settings.log_level, style=settings.log_format, secrets=settings.secrets)
    try:
        return work(settings)
    except LicenceMissing as error:
        server = f" Asked was {settings.license_host}:{settings.license_port}." if settings.license_flexlm else ""
        _log.critical("%s%s This worker ends: exit status %d", error, server, NO_LICENCE)
        return NO_LICENCE


def work(settings: Settings) -> int:
    """Work until a signal ends it; the exit status. Raises LicenceMissing where the licence is to be had at start."""
    # A slot's thread that has its answer must not wait 5 ms for the consumer's thread to let it go on.
    sys.setswitchinterval(_SWITCH)
    quiet_celery()
    local_root = Path(tempfile.gettempdir())
    clear_up(local_root)
    me = whoami(settings)
    pace = PACE.scaled(settings.lease_time_scale)
    app = make_celery(broker_url=settings.broker_url, result_backend=settings.result_backend)
    client = connect(settings.store_url)
    dispatch = CeleryDispatch(app, client)
    stopping, activity, vitals = threading.Event(), Activity(most=settings.max_tasks_before_shutdown), Vitals(me)
    share, records = Share(settings.share_path), RecordStore(client, pace=pace)
    surroundings = Surroundings(share, KnownShare(client), min_free=settings.min_free_space, local=local_root)
    readiness = Readiness(surroundings.check, surroundings.check_share)
    quick = RecordStore(connect(settings.store_url, timeout=pace.answer), pace=pace)
    families = Families(records, client)
    subtasks = Subtasks(records, families, dispatch, share, JobOptions(time_limit=settings.job_time_limit))
    mirror = Mirror(records, share, told=TaskMetas(app, Results(share)).write)
    aftermath = Aftermath(records, families, dispatch, ended=mirror.soon, results=Results(share))
    with (
        door_of(settings, vitals, activity, surroundings),
        tracer_of(settings.otel, service="pixyz-scheduler-worker", instance=me.name) or NO_TRACER as tracer,
        slots_of(settings) as slots,
        Workspaces(local_root) as workspaces,
        LeaseKeeper(quick) as keeper,
        mirror,
        Sweeper(quick, dispatch, aftermath, ended=mirror.soon, tracer=tracer),
        Drain(keeper, timeout=settings.drain_timeout, stopping=stopping) as drain,
        Calls(connect(settings.store_url, timeout=_LISTENING), me.name, keeper.ask_now),
        ShareLook(share.root) as look,
        Announcer(
            Farm(quick),
            lambda: replace(at_work(me, activity, drain, readiness), share=look.seen),
            each=2 * pace.renew,
        ) as announcer,
        janitor_of(settings, records, share, surroundings),
    ):
        execution = Execution(
            worker=me.name,
            records=records,
            keeper=keeper,
            dispatch=dispatch,
            start=replace(workshop_of(settings, share, slots, workspaces, subtasks), lend=activity.lend).run,
            families=families,
            aftermath=aftermath,
            stopping=stopping,
            leaving=drain.leaving,
            activity=activity,
            tokens=0 if settings.disable_pixyz else settings.license_tokens,
            ended=mirror.soon,
            readiness=readiness,
            results=Results(share),
            tracer=tracer,
        )
        # All that is here stays: the collector need not look at it again.
        gc.freeze()
        consumer = Consumer(app, me, level=settings.log_level)
        doorbells = Doorbells(
            connect(settings.store_url, timeout=_LISTENING),
            client,
            me,
            answer=in_sight(execution, CeleryView(consumer.hostname, consumer.dispatcher)),
            is_wanted=lambda: not drain.leaving.is_set() and not activity.is_over,
            lent=lambda: activity.lent,
        )
        drain.wake, activity.on_last, activity.on_lent = doorbells.wake, consumer.stop, doorbells.more
        leaving = Leaving(drain, consumer).when_called_off(announcer, records, doorbells)
        guard = StallGuard(
            waiting=lambda: messages_in(client, me.queues),
            # A store that takes no writes is no deafness of ours.
            is_free=lambda: activity.is_free(me.slots) and not drain.leaving.is_set() and announcer.is_heard,
            heard=lambda: activity.heard,
            on_deaf=lambda: give_up(keeper, activity),
            patience=pace.deaf,
        )
        watching = vitals.watching(
            lambda: at_work(me, activity, drain, readiness),
            organs={"lease keeper": keeper, "announcer": announcer, "stall guard": guard, "listener": doorbells},
            is_heard=lambda: announcer.is_heard,
            find=hindrances_of(drain, activity, check=surroundings.check),
        )
        idle = IdleGuard(activity, patience=settings.idle_timeout, on_idle=leaving.as_idle)
        with guard, watching, doorbells, idle:
            return consumer.run() or (CALLED_OFF if leaving.by_itself else 0)


def door_of(
    settings: Settings, vitals: Vitals, activity: Activity, surroundings: Surroundings
) -> AbstractContextManager[object]:
    """Where this worker is asked how it is, if anywhere."""
    if not settings.metrics_port:
        return nullcontext()
    from pixyz_scheduler.worker.figures import Figures  # who opens no door need not load it

    def health(problems: Callable[[], Mapping[str, str]]) -> Callable[[], Page]:
        return lambda: Page.of_health(problems())

    figures = Figures(vitals, activity, surroundings)
    pages = {
        "/health/live": health(vitals.faults),
        "/health/ready": health(vitals.hindrances),
        "/metrics": figures.page,
    }
    return Door(settings.metrics_host, settings.metrics_port, pages)


def in_sight(execution: Execution, view: CeleryView) -> Answer:
    """Answers doorbells by this execution, in sight of Celery's tools."""

    def answer(job_id: JobId, *, queue: str) -> None:
        with view.at_work(job_id, queue) as request:
            report = execution.run(job_id, queue=queue)
            if report is not None:
                view.ended(request, report)

    return answer


def clear_up(local_root: Path) -> None:
    """End and remove what dead workers of this machine have left."""
    for leftover in sweep_workspaces(local_root, now=time.time()):
        _log.info("removed the workspace of a dead worker: %s", leftover)
    if killed := kill_leftovers():
        _log.warning("killed %d processes that jobs of a dead worker had left", len(killed))


def janitor_of(
    settings: Settings, records: RecordStore, share: Share, surroundings: Surroundings
) -> AbstractContextManager[object]:
    """Who listens on `clean` cleans, as every API process does."""
    if "clean" not in settings.queue_name:
        return nullcontext()
    keep = settings.cleanup_delay if settings.cleanup_enabled else None
    return Janitor(records, share, surroundings, keep=keep)


def workshop_of(settings: Settings, share: Share, slots: Slots, workspaces: Workspaces, subtasks: Subtasks) -> Workshop:
    """What every attempt is run with."""
    catalog = ProcessCatalog(settings.process_path)
    done = DoneWork(subtasks.records)
    return Workshop(
        share=share,
        catalog=catalog,
        slots=slots,
        workspaces=workspaces,
        retry_time_limit=settings.pixyz_retry_time_limit,
        subtasks=subtasks,
        memory=MemoryLimit(settings.max_memory_usage),
        memory_gpuhigh=MemoryLimit(settings.max_memory_usage_gpuhigh),
        log_limit=settings.log_limit,
        preparation=settings.preparation_time_limit,
        freeze=PACE.scaled(settings.lease_time_scale).freeze,
        cache=ResultCache(done, share, catalog, Program(engine_of(settings))),
    )
