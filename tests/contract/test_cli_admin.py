"""`admin reconcile`: what it prints, and what it says to a shell. The whole drill is in tests/e2e/test_disaster.py."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import sent_text
from pixyz_scheduler.settings.store_url import StoreUrl
from pixyz_scheduler.storage.share import Share

DATABASE = 7


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir()
    return Share(tmp_path / "share")


@pytest.fixture
def reconcile(store_url, tmp_path):
    address = StoreUrl.parse(store_url).with_database(DATABASE)
    with connect(address.redis_py) as client:
        client.flushdb()

    def run(*options, **environment):
        return subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", "admin", "reconcile", *options],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
                "CELERY_BROKER_URL": address.kombu,
                "SHARE_PATH": str(tmp_path / "share"),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.usefixtures("share")
def test_an_empty_share_is_no_fault(reconcile):
    done = reconcile()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["0"] * 4


def test_a_folder_that_cannot_be_read_is_named_with_its_reason_and_tells_the_shell(reconcile, share):
    job = Job(JobId(str(uuid.uuid4())), "custom", JobOptions(), 1000.0)
    with share.incoming() as incoming:
        incoming.describe(sent_text(job))
        incoming.adopt(job.id)
    bare = share.make_folder(str(uuid.uuid4())).job_id
    done = reconcile("--json")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{bare}: It has neither final.json nor job.json")
    report = json.loads(done.stdout)
    assert (report["in_line"], report["unreadable"]["count"], report["unreadable"]["jobs"][0]["uuid"]) == (1, 1, bare)
    assert json.loads(reconcile("--json", "--dry-run").stdout)["known"] == 1


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SHARE_PATH": "/nowhere/at/all"}, "there is no such folder"),
        ({"CELERY_BROKER_URL": "redis+socket:///nowhere.sock?virtual_host=0"}, "Redis does not answer"),
    ],
)
def test_what_is_away_is_said_in_a_line(reconcile, share, environment, said):
    share.make_folder(str(uuid.uuid4()))
    done = reconcile(**environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_share_that_becomes_the_stores_own_in_place_of_another_is_said(reconcile, share, tmp_path):
    assert reconcile().returncode == 0
    first = (share.root / ".ps-share-id").read_text().strip()
    (tmp_path / "other").mkdir()
    other = {"SHARE_PATH": str(tmp_path / "other")}
    would = reconcile("--dry-run", **other)
    assert f"{tmp_path / 'other'} would become the share of this store" in would.stderr
    assert first in would.stderr
    assert reconcile().stderr == ""
    does = reconcile(**other)
    assert (does.returncode, len(does.stderr.splitlines())) == (0, 1)
    assert f"is now the share of this store, whose jobs lay on another one (id {first})" in does.stderr
    assert reconcile(**other).stderr == ""
