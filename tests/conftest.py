"""What every test may ask for: a real store, and what a missing service means."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.fakes.prometheus_programs import Prometheus, prometheus_programs


def pytest_configure() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and all that it starts with it: our tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(what: str) -> None:
    """A missing service is a skip on a laptop and a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI=true")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this test run's own, on a Unix socket."""
    from pixyz_scheduler.broker.embedded import EmbeddedStore

    with EmbeddedStore.start(tmp_path_factory.mktemp("store")) as store:
        yield store.store_url


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Prometheus:
    """Prometheus itself; where it is not to be had, that is a skip in CI too."""
    programs = prometheus_programs(tmp_path_factory.mktemp("prometheus") / "package")
    if programs is None:
        pytest.skip("Prometheus is neither installed, nor is its Debian package to be had")
    return programs
