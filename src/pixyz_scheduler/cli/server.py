"""The commands that are the scheduler: up, api, worker. The one place that imports the server, when called."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler import extras
from pixyz_scheduler.cli import exits, render, welcome
from pixyz_scheduler.errors import ExtraMissing
from pixyz_scheduler.process_memory import hide_memory

if TYPE_CHECKING:
    # What the server's parts import costs a second that --help need not pay.
    from pixyz_scheduler.findings import Finding
    from pixyz_scheduler.launcher.operator import Operator
    from pixyz_scheduler.launcher.stack import Stack
    from pixyz_scheduler.settings.settings import Settings
    from pixyz_scheduler.upkeep import reconcile as reconciling

_LOG_TAIL = 60
_DRAIN_MARGIN = 10.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up", epilog="Example: pixyz-scheduler up")(up)
    app.command("api", epilog="Example: GOD_PASSWORD_SHA256=... pixyz-scheduler api")(api)
    app.command("worker", epilog="Example: QUEUE_NAME=cpu,gpuhigh pixyz-scheduler worker")(worker)


def reconcile(*, dry_run: bool) -> "Iterator[reconciling.Finding]":
    """What `admin reconcile` does, folder by folder."""
    from pixyz_scheduler.launcher.admin import make_reconcile

    return make_reconcile(_farm_settings(), dry_run=dry_run, tell=render.note).run()


def operator() -> "Operator":
    """What the other admin commands ask and do."""
    from pixyz_scheduler.launcher.operator import Operator

    return Operator(_farm_settings())


def is_installed() -> bool:
    """Whether what a server or a worker needs is here, or the client alone."""
    try:
        extras.require("worker", whose="doctor")
    except ExtraMissing:
        return False
    return True


def findings() -> "Iterator[Finding]":
    """What `doctor` finds, check by check."""
    from pixyz_scheduler.doctor.checks import checks_of
    from pixyz_scheduler.doctor.examination import examine

    return examine(checks_of(os.environ, Path.cwd()))


def new_conf(path: Path, given: Mapping[str, str], *, compose: bool, force: bool) -> tuple[str | None, list[str]]:
    """Write a pixyz-scheduler.conf; its API key, to be shown once, and what the user should know of it."""
    extras.require("worker", whose="`init`", install=extras.EVERYTHING_HERE)
    from pixyz_scheduler.launcher import new_conf
    from pixyz_scheduler.launcher.api_key import new_key

    if compose:  # its store is a container of its own, which wants one
        given = {"REDIS_PASSWORD": new_key(), **given}
    made = new_conf.compose(given, cwd=Path.cwd(), key=new_key())
    new_conf.put(made.text, path, force=force)
    return made.key, list(new_conf.remarks(path, environ=os.environ, cwd=Path.cwd()))


def api() -> None:
    """Serve the HTTP API. Settings: pixyz-scheduler.conf and the environment."""
    _speak_as_asked()
    extras.require("server", whose="The API")
    from pixyz_scheduler.api.app import main

    hide_memory()
    settings = _farm_settings()
    _hold_lifeline()
    raise typer.Exit(main(settings))


def worker(
    *,
    watchdog: Annotated[
        bool,
        typer.Option(
            "--watchdog/--no-watchdog",
            show_default=False,
            help="Whether it is started again when it dies. Default: it is.",
        ),
    ] = True,
) -> None:
    """Work on the queues in QUEUE_NAME. Settings: pixyz-scheduler.conf and the environment."""
    _speak_as_asked()
    extras.require("worker", whose="A worker")
    settings = _farm_settings()
    if not settings.in_process:  # else a debugger is to be let in
        hide_memory()
    if watchdog:
        raise typer.Exit(_watched_worker(settings))
    from pixyz_scheduler.worker.main import main

    _hold_lifeline()
    raise typer.Exit(_status_for_launcher(main(settings)))


def up() -> None:
    """Start it all here: store, API and workers. Ctrl-C ends it, twice at once; the next `up` goes on where it was."""
    _speak_as_asked()
    extras.require("server", whose="`up`", install=extras.EVERYTHING_HERE)
    # At once: the imports alone take a second.
    render.note("Starting the store, the API and two workers: some seconds ...")
    from pixyz_scheduler.launcher.api_key import kept_or_new
    from pixyz_scheduler.launcher.interrupts import Interrupts
    from pixyz_scheduler.launcher.stack import Plan, Stack
    from pixyz_scheduler.launcher.terminal import terminal_environment
    from pixyz_scheduler.logs import set_up_logging

    hide_memory()
    settings = _settings()
    set_up_logging(settings.log_level, style=settings.log_format, secrets=settings.secrets)
    digest, key = settings.god_password_sha256.get_secret_value(), None
    if not digest:
        digest, key = kept_or_new(settings.data_path)
    _refuse_taken(settings.api_host, settings.api_port, "API_PORT")
    metrics_ports = (settings.metrics_port, settings.metrics_port + 1) if settings.metrics_port else (0, 0)
    for port in filter(None, metrics_ports):
        _refuse_taken(settings.metrics_host, port, "METRICS_PORT")
    plan = Plan(
        host=settings.api_host,
        port=settings.api_port,
        key_digest=digest,
        share_path=settings.share_path,
        store_data=None if settings.store_is_configured else settings.data_path,
        drain_timeout=settings.drain_timeout,
        metrics_ports=metrics_ports,
    )
    environment = {**os.environ, **terminal_environment()}
    with Interrupts.caught() as asked, Stack(plan, environment=environment, interrupts=asked) as stack:
        if not asked.end.is_set():
            welcome.show(stack.plan.url, files=stack.plan.share_path, key=key, whose=_whose_key(settings))
        asked.wait()
        render.note(
            f"\nEnding. Running jobs have {settings.drain_timeout:g} s (DRAIN_TIMEOUT); what has not ended goes on at "
            "the next `up`.\nCtrl-C again: end at once."
        )
    render.note("Ended at once: what ran is tried again at the next `up`." if asked.at_once.is_set() else "Ended.")


def run_here(
    what: str, *, entrypoint: str | None, params: dict[str, object] | None, file: Path | None, output: Path | None
) -> None:
    """What `run --local` does, in this process."""
    extras.require("worker", whose="`run --local`")
    from pixyz_scheduler.launcher.here import run_locally

    failed = exits.exit_status("FAILURE")
    run_locally(
        what,
        settings=_settings(),
        entrypoint=entrypoint or "main",
        params=params or {},
        file=file,
        output=output,
        failed=failed,
    )


@contextmanager
def own_stack(folder: Path) -> Iterator[tuple["Stack", str]]:
    """A stack with all its data in one folder, on a free port, with a key of its own, its log in the folder."""
    from pixyz_scheduler.launcher.api_key import digest_of, new_key
    from pixyz_scheduler.launcher.stack import Plan, Stack

    _settings()  # what is wrong with them is said here, and not by an API that does not start
    key = new_key()
    plan = Plan(
        host="127.0.0.1",
        port=free_port(),
        key_digest=digest_of(key),
        share_path=folder / "share",
        store_data=folder / "data",
        # Who ends before its job does ends the store with it: there is nothing to hand the job back to.
        drain_timeout=0.0,
    )
    environment = {**os.environ, "DRAIN_TIMEOUT": "0"}
    log_path = folder / "scheduler.log"

    def give_up(reason: str) -> None:
        tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL:]
        render.note("\n".join([*tail, f"Error: {reason} The end of its log stands above."]))
        signal.raise_signal(signal.SIGTERM)

    with (
        _ended_by_sigterm(),
        log_path.open("wb") as log,
        Stack(plan, environment=environment, output=log, on_hopeless=give_up) as stack,
    ):
        yield stack, key


def _watched_worker(settings: "Settings") -> int:
    from pixyz_scheduler.launcher.interrupts import Interrupts
    from pixyz_scheduler.launcher.member import Member
    from pixyz_scheduler.launcher.terminal import terminal_environment
    from pixyz_scheduler.launcher.watchdog import keep_alive
    from pixyz_scheduler.logs import set_up_logging

    set_up_logging(settings.log_level, style=settings.log_format, secrets=settings.secrets)
    if settings.metrics_port:
        _refuse_taken(settings.metrics_host, settings.metrics_port, "METRICS_PORT")
    environment = {**os.environ, **terminal_environment()}
    if not settings.store_is_configured and settings.celery_broker_url.get_secret_value():
        # That of `up`, which may be between two starts of it when this worker is started again.
        environment["CELERY_BROKER_URL"] = settings.broker_url
    member = Member("the worker", ["worker", "--no-watchdog"], environment=environment)
    with Interrupts.caught() as asked:
        return keep_alive(member, asked=asked, patience=settings.drain_timeout + _DRAIN_MARGIN)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the main thread in good order, so that nothing is left behind."""

    def end(*_: object) -> None:
        raise SystemExit(exits.TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    import socket  # lazy: 4 ms that --help need not pay

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _speak_as_asked() -> None:
    """With LOG_FORMAT=json all that the parts of a farm say is lines of the log, from the first on, errors too."""
    try:
        from pixyz_scheduler.settings.early import early_log_format
    except ImportError:  # what is missing is said by who needs it
        return
    from pixyz_scheduler.logs import log_uncaught, set_up_logging

    if early_log_format(os.environ, Path.cwd()) == "json":
        set_up_logging(style="json")
        log_uncaught()
        render.into_log()


def _settings() -> "Settings":
    from pixyz_scheduler.launcher.member import LIFELINE
    from pixyz_scheduler.settings.settings import Settings

    settings = Settings.load()
    for warning in settings.warnings if LIFELINE not in os.environ else ():  # whoever started us has told them
        render.warning(warning)
    return settings


def _farm_settings() -> "Settings":
    """Of what works on a store that others have begun."""
    from pixyz_scheduler.launcher.beside_up import beside_up

    return beside_up(_settings())


def _status_for_launcher(status: int) -> int:
    """A worker's exit status; that it was called off tells only our own launchers something."""
    from pixyz_scheduler.launcher.member import CALLED_OFF, LIFELINE

    return 0 if status == CALLED_OFF and LIFELINE not in os.environ else status


def _hold_lifeline() -> None:
    from pixyz_scheduler.launcher.lifeline import hold_lifeline
    from pixyz_scheduler.process_signals import take_break_as_end

    take_break_as_end()
    hold_lifeline(os.environ)


def _refuse_taken(host: str, port: int, setting: str) -> None:
    import socket  # lazy: as above

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if sys.platform != "win32":  # there it lets two listen on one port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "there is no such port"
            render.error(f"port {port} of {host} cannot be used: {why}. Choose another by {setting}.")
            raise typer.Exit(exits.REFUSED) from error


def _whose_key(settings: "Settings") -> str:
    from pixyz_scheduler.launcher.api_key import kept_at

    if settings.god_password_sha256.get_secret_value():
        return "yours, of GOD_PASSWORD_SHA256"
    return f"the one shown at the first start; for a new one delete {kept_at(settings.data_path)}"
