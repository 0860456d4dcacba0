"""slots_of: where attempts get their children, as the settings say."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.configured import engine_of
from pixyz_scheduler.engine.sdk import job_session
from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroups
from pixyz_scheduler.worker.isolation.cgroup_home import open_groups
from pixyz_scheduler.worker.isolation.in_process import InProcessSlots
from pixyz_scheduler.worker.isolation.leftovers import MARK, worker_token
from pixyz_scheduler.worker.isolation.slots import Slots
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from pixyz_scheduler.worker.isolation.terminal import device
from pixyz_scheduler.worker.isolation.trial import try_licence
from pixyz_scheduler.worker.provision.allowance import Allowance

_log = logging.getLogger(__name__)

_SECRET_WORDS = ("PASSWORD", "SECRET", "TOKEN", "BROKER_URL", "RESULT_BACKEND", "API_KEY", "CREDENTIAL", "_HEADERS")


@contextmanager
def slots_of(settings: Settings) -> Iterator[Slots]:
    """Where attempts get their children, by ISOLATION.

    Raises:
        LicenceMissing: where one is to be had at the start.
        SettingsError: this system has no such way.
    """
    check_isolation(settings)
    engine = engine_of(settings)
    environment = in_utf8(without_secrets(os.environ)) | engine.to_environment()
    environment[MARK] = token = worker_token()
    allowance = allowance_of(settings)
    if not has_packages(settings):
        allowance = replace(allowance, dependencies=False)
    environment |= allowance.to_environment()
    freeze = PACE.scaled(settings.lease_time_scale).freeze
    with ExitStack() as stack:
        if settings.in_process:
            yield stack.enter_context(closing(in_process(engine, environment)))
            return
        groups = open_groups(token)
        if groups is not None:
            stack.enter_context(groups)
        if settings.isolation == "spawn":
            try_licence(engine, environment)
            yield SpawnSlots(environment, freeze=freeze, groups=groups)
            return
        yield stack.enter_context(_forked(settings, engine, environment, groups))


@contextmanager
def _forked(
    settings: Settings, engine: EngineChoice, environment: Mapping[str, str], groups: MemoryGroups | None
) -> Iterator[Slots]:
    # Linux alone has what they need.
    from pixyz_scheduler.worker.isolation.by_need import ByNeed
    from pixyz_scheduler.worker.isolation.engine_slots import EngineSlots
    from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
    from pixyz_scheduler.worker.isolation.template import Template

    freeze = PACE.scaled(settings.lease_time_scale).freeze
    with ExitStack() as stack:
        # Where the SDK's template holds the licence, all that needs one is born there.
        has_two = not engine.is_none and not engine.is_sdk
        make = partial(
            Template,
            engine=engine,
            environment=environment,
            freeze=freeze,
            groups=groups,
            into_log=settings.log_format == "json",
        )
        light = make(loads=not has_two)
        slots = ForkSlots(stack.enter_context(light), ahead=1)
        heavy = None
        if has_two:
            heavy = EngineSlots(make(), idle=settings.engine_idle_time)
        tidy_each = min(60.0, settings.engine_idle_time or 60.0)
        yield stack.enter_context(closing(ByNeed(slots, heavy, tidy_each=tidy_each)))


def has_packages(settings: Settings, *, platform: str = sys.platform) -> bool:
    """Whether a script may have packages of its own: where its process can become another program, and is none else's.

    Windows has no exec: what it calls so ends the process that the worker watches.
    """
    return not settings.in_process and platform != "win32"


def check_isolation(settings: Settings, *, can_fork: bool = hasattr(os, "pidfd_open")) -> None:
    """Raises SettingsError where this system has no such way."""
    if settings.isolation == "fork" and not settings.in_process and not can_fork:
        raise SettingsError("ISOLATION is fork, which only Linux has what it needs for; allowed here: spawn.")


def in_process(engine: EngineChoice, environment: Mapping[str, str]) -> InProcessSlots:
    """For debuggers; raises LicenceMissing as any worker."""
    _log.warning(
        "DEBUG: scripts run in this worker's own process, one at a time: no time limit, no limit of memory, a crash or "
        "an endless wait in C is the worker's own, and nothing of it is hidden from them. breakpoint() stops on %s",
        device() or "no terminal: it is passed by",
    )
    session = job_session(engine)
    if engine.licence.at_start:
        session.hold()
    return InProcessSlots(session, environment)


def allowance_of(settings: Settings) -> Allowance:
    """What this worker lets a job bring or fetch."""
    return Allowance(
        dependencies=settings.script_dependencies == "allow",
        environments=settings.script_environments,
        environments_limit=settings.script_environments_limit,
        environments_age=settings.script_environments_age,
        urls=settings.allow_input_urls,
        share=settings.share_path.resolve(),
        max_input=settings.max_upload_size,
        min_free=settings.min_free_space,
    )


def in_utf8(environment: Mapping[str, str], *, platform: str = sys.platform) -> dict[str, str]:
    """What a script prints, and the text files it opens, are UTF-8 as elsewhere; Windows has its own code page."""
    return {"PYTHONUTF8": "1", **environment} if platform == "win32" else dict(environment)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that scripts may see."""
    return {
        name: value for name, value in environment.items() if not any(word in name.upper() for word in _SECRET_WORDS)
    }
