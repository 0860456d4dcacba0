"""`doctor` on a whole stack, well and with its share pulled away."""

import json
import subprocess
import sys

import pytest

from pixyz_scheduler import __version__


@pytest.fixture
def findings(stack, tmp_path):
    host, _, port = stack.url.removeprefix("http://").partition(":")
    environment = {
        **stack.environment,
        "DATA_PATH": str(stack.folder / "data"),
        "SHARE_PATH": str(stack.share),
        "API_HOST": host,
        "API_PORT": port,
        "ENGINE": "none",
    }
    for name in ("CELERY_BROKER_URL", "REDIS_MASTER_SERVICE_HOST"):
        environment.pop(name, None)

    def look(*, status=None):
        command = [sys.executable, "-m", "pixyz_scheduler", "doctor", "--json"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=100
        )
        assert status in (None, done.returncode), done.stdout + done.stderr
        return [(each["check"], each["level"], each["what"]) for each in json.loads(done.stdout)["findings"]]

    return look


def test_a_whole_stack_is_found_well(findings, stack):
    found = findings(status=0)
    assert ("workers", "ok", "2 live on 1 host, 6 slots") in found
    assert ("versions", "ok", f"all 2 workers: {__version__}, as this program") in found
    assert ("versions", "ok", f"the API: {__version__}, as this program") in found
    assert ("versions", "ok", f"the scheduler: {__version__}, as this program") in found
    assert ("queues", "ok", "listened to: clean, control, cpu, gpu, gpuhigh, zip") in found
    assert ("durability", "ok", "changes are on disk within about a second") in found
    assert ("api", "ok", f"the API answers on port {stack.url.rpartition(':')[2]}") in found
    assert ("key", "ok", "it is taken") in found
    assert [each for each in found if each[0] == "share" and "is the store's own" in each[2]]
    while ("share", "ok", "the same one is seen by 2 workers, on 1 host") not in findings():
        pass


def test_a_share_that_is_pulled_away_is_told_by_the_workers_and_the_api_too(findings, stack):
    mark = stack.share / ".ps-share-id"
    aside = mark.rename(stack.folder / "aside")
    try:
        wrong: list[str] = []
        while sum("the share of worker" in what for what in wrong) != 2:  # they look every few seconds
            wrong = [what for _, level, what in findings(status=1) if level == "error"]
        assert [what for what in wrong if "is not the share that the store's jobs lie on" in what]
        assert [what for what in wrong if what.startswith("it is not ready, share:")]
    finally:
        aside.rename(mark)
    while any(level == "error" for _, level, _ in findings()):
        pass
