"""The check that a client can make: does a scheduler answer, is the key right, is it of our version."""

from collections.abc import Callable, Iterator

from pixyz_scheduler import __version__
from pixyz_scheduler.errors import AccessDenied, SchedulerError
from pixyz_scheduler.findings import Finding, error, ok, warning

_NAME = "scheduler"
_PATIENCE = 10.0


def look_at(url: str, token: str | None) -> Iterator[Finding]:
    """What is to be said of the scheduler there."""
    from pixyz_scheduler.client import SchedulerClient  # lazy: 130 ms that --help need not pay

    try:
        with SchedulerClient(url, token, timeout=_PATIENCE) as scheduler:
            version = scheduler.version()
            yield ok(_NAME, f"{scheduler.url} answers")
            yield _version(version)
            yield _key(scheduler.processes, token)
    except SchedulerError as trouble:
        yield error(_NAME, str(trouble), "Correct PIXYZ_URL (or -u), start it, or mend the network and its proxies.")


def _version(version: str) -> Finding:
    if version == __version__:
        return ok("versions", f"the scheduler: {version}, as this program")
    do = f"pip install pixyz-scheduler=={version}"
    return warning("versions", f"the scheduler is {version}, this program {__version__}", do)


def _key(ask: Callable[[], object], token: str | None) -> Finding:
    if not token:
        return warning("key", "no key is given", "Set PIXYZ_TOKEN, or give -t KEY.")
    try:
        ask()
    except AccessDenied as trouble:
        return error("key", str(trouble), "Set PIXYZ_TOKEN (or -t) to the key whose hash is GOD_PASSWORD_SHA256 there.")
    return ok("key", "it is taken")
