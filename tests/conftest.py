"""What every test may ask for: a real store, and what a missing service means."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.fakes.prometheus_programs import Prometheus, prometheus_programs

# What is called so in a test's parameters is there by a fork and afresh.
_BOTH_WAYS = ("isolation", "slots", "slots_without_groups", "patient_slots", "bench_with")


def pytest_addoption(parser: pytest.Parser) -> None:
    asked = os.environ.get("ISOLATION") or "fork"
    parser.addoption("--isolation", choices=["fork", "spawn"], default=asked, help="how tests get their children")
    parser.addoption(
        "--children", action="store_true", help="only tests that get children by --isolation, and no other"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "forks(why): is of a fork alone, and skipped with --isolation=spawn")
    # What tests start as programs reads it there.
    os.environ["ISOLATION"] = config.getoption("--isolation")
    # A shell starts what runs in its background deaf to Ctrl-C, and all that it starts with it: our tests send it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--children"):
        chosen = [item for item in items if "one_isolation" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
    for item in items if config.getoption("--isolation") == "spawn" else ():
        marked, called = item.get_closest_marker("forks"), getattr(item, "callspec", None)
        if marked is not None:
            item.add_marker(pytest.mark.skip(reason=f"of a fork alone: {marked.args[0]}"))
        elif called is not None and any(called.params.get(name) == "fork" for name in _BOTH_WAYS):
            item.add_marker(pytest.mark.skip(reason="by a fork; here the same test runs by --isolation=spawn"))


@pytest.fixture(scope="session")
def one_isolation(pytestconfig: pytest.Config) -> str:
    """By which children come where a test need not see both ways: `fork`, which is quicker, or `--isolation`."""
    return str(pytestconfig.getoption("--isolation"))


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
