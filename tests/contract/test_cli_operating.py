"""`admin stats|tasks|queue|workers|purge|drain`: what they print, and to whom."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pexpect
import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Farm, Worker
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.settings.store_url import StoreUrl

DATABASE = 8
WORKER = Worker("host-1-abc", ("cpu", "gpu"), slots=2, host="host", pid=1, version="1.2", started=1.0, busy=1)


@pytest.fixture
def address(store_url):
    return StoreUrl.parse(store_url).with_database(DATABASE)


@pytest.fixture
def records(address):
    with connect(address.redis_py) as client:
        client.flushdb()
        records = RecordStore(client)
        Farm(records).announce(WORKER)
        yield records


@pytest.fixture
def environment(address):
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "CELERY_BROKER_URL": address.kombu,
    }


@pytest.fixture
def cli(environment, tmp_path):
    def call(*arguments, status=0, **more):
        done = subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", *arguments],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def submit(records, **options):
    job_id = JobId(str(uuid.uuid4()))
    assert records.submit(Job(job_id, "convert_file", JobOptions(**options), submitted=1000.0, name="wheel"))
    return job_id


def running(records):
    job_id = submit(records)
    records.claim(job_id, queue="cpu", lease=Lease(Fence("f"), WORKER.name))
    return job_id


@pytest.mark.parametrize("before", [("admin",), ()])
def test_the_old_commands_work_under_both_spellings(cli, records, before):
    job_id, at_work = submit(records), running(records)
    assert "slots:    1 of 2 busy" in cli(*before, "stats").stdout
    assert cli(*before, "tasks", "-a").stdout.split("\t")[0] == at_work
    assert cli(*before, "tasks", "-r").stdout.split("\t")[0] == job_id
    assert cli(*before, "tasks", "-s").stdout == ""
    assert cli(*before, "queue", "-l").stdout.splitlines()[0].split("\t")[:6] == ["cpu", "1", "0", "0", "1", "1"]
    assert cli(*before, "queue", "-p", "-y").stdout == "1 cancelled\n"


def test_json_has_all_that_is_known(cli, records):
    waiting, at_work = submit(records), running(records)
    stats = json.loads(cli("admin", "stats", "--json").stdout)
    assert (stats["workers"], stats["waiting"], stats["running"], stats["jobs"]) == (
        1,
        1,
        1,
        {"PENDING": 1, "STARTED": 1},
    )
    tasks = json.loads(cli("admin", "tasks", "-ars", "--json").stdout)
    assert [job["uuid"] for job in tasks["active"]] == [at_work]
    assert [job["uuid"] for job in tasks["reserved"]] == [waiting]
    assert tasks["scheduled"] == []
    assert tasks["active"][0]["worker"] == WORKER.name
    (cpu, _) = json.loads(cli("admin", "queue", "--json").stdout)["queues"]
    assert (cpu["queue"], cpu["waiting"], cpu["running"], cpu["listeners"]) == ("cpu", 1, 1, 1)
    assert cpu["oldest"] > 0
    (worker,) = json.loads(cli("admin", "workers", "--json").stdout)["workers"]
    assert (worker["name"], worker["queues"], worker["slots"], worker["draining"]) == (
        WORKER.name, ["cpu", "gpu"], 2, False,
    )  # fmt: skip


def test_a_purge_of_one_queue_leaves_the_others(cli, records):
    here, there = submit(records), submit(records, queue="gpu")
    assert json.loads(cli("admin", "purge", "-q", "gpu", "-y", "--json").stdout) == {"cancelled": [there]}
    assert records.report(here).state.value == "SENT"


def test_nobody_purges_by_mistake(cli, records):
    job_id = submit(records)
    assert "give -y" in cli("admin", "purge", status=2).stderr
    assert records.report(job_id).state.value == "SENT"


@pytest.mark.parametrize(("answer", "state", "status"), [("n", "SENT", 1), ("y", "REVOKED", 0)])
def test_a_purge_asks_on_a_terminal(environment, records, tmp_path, answer, state, status):
    job_id = submit(records)
    arguments = ["-m", "pixyz_scheduler", "admin", "purge", "--queue", "cpu"]
    terminal = pexpect.spawn(sys.executable, arguments, cwd=str(tmp_path), env=environment, encoding="utf-8")
    terminal.expect_exact("Cancel 1 waiting job of queue cpu? [y/N]")
    terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert (records.report(job_id).state.value, terminal.exitstatus) == (state, status)


def test_tables_fit_a_terminal_of_80_columns(environment, records, tmp_path):
    submit(records), running(records)
    Farm(records).announce(Worker("w" * 40, ("cpu",) * 1, 1, "h", 1, "1.2.3", 1.0, trouble="The share is away."))
    for command in (["tasks", "-ar"], ["queue"], ["workers"], ["stats"]):
        arguments = ["-m", "pixyz_scheduler", "admin", *command]
        terminal = pexpect.spawn(
            sys.executable, arguments, cwd=str(tmp_path), env=environment, encoding="utf-8", dimensions=(24, 80)
        )
        terminal.expect(pexpect.EOF)
        lines = terminal.before.splitlines()
        assert lines
        assert all(len(line) <= 80 for line in lines), lines
        terminal.close()


def test_workers_are_told_to_leave_by_name_or_all(cli, records):
    farm = Farm(records)
    assert "No worker is called nobody. Living workers: host-1-abc." in cli("admin", "drain", "nobody", status=1).stderr
    assert farm.announce(WORKER) is False
    assert "name workers, or give --all" in cli("admin", "drain", status=2).stderr
    assert cli("admin", "drain", WORKER.name).stdout == f"{WORKER.name}\n"
    assert farm.announce(WORKER) is True
    assert json.loads(cli("admin", "drain", "--all", "--json").stdout) == {"draining": [WORKER.name]}


@pytest.mark.parametrize("command", ["stats", "tasks", "queue", "workers", "purge -y", "drain --all"])
def test_a_store_that_is_away_is_said_in_a_line(cli, command):
    nowhere = "redis+socket:///nowhere.sock?virtual_host=0"
    done = cli("admin", *command.split(), status=1, CELERY_BROKER_URL=nowhere)
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
    assert "Redis does not answer" in done.stderr
