#!/usr/bin/env python3
"""What a member of a group costs, beside a job that is sent by itself, and raw Celery's group, in one run.

    .venv/bin/python bench/sub_tasks.py [--members 1000]

The members do nothing. Ours are jobs, each with a record, a lease and a child of its own, on one worker of one slot, as
are those that are sent; Celery's are functions of one worker of one thread, with a result backend. All on the same
embedded Valkey with AOF. Starting them (until the script goes on, or the last is sent) is a part of the whole.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import httpx
from celery import group

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of, new_key
from pixyz_scheduler.launcher.stack import Plan, Stack

SCRIPT = b"""
from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=3600)
def main(pc, params):
    step = pc.clone().update(entrypoint="nothing", raw=True, compute_only=True)
    pc.progress_next("starting")
    started = group(pixyz_execute.s(number, step) for number in range(params["members"]))()
    pc.progress_stop()
    return started


def nothing(pc, number):
    return number
"""
WARM_UP = 20
ENDED = ("SUCCESS", "FAILURE")
# Seconds: until all are started, and until the last has ended.
Taken = tuple[float, float]


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=1000)
    members = parser.parse_args().members
    with tempfile.TemporaryDirectory(prefix="pixyz-bench-") as folder, EmbeddedStore.start(Path(folder)) as store:
        floor = raw_celery(store, members)
        ours, sent = groups(store, Path(folder), members)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {system}, {members} members")
    print(f"{'':38}{'starting':>10}{'whole':>10}{'a member':>12}")
    show("raw Celery's group, one thread", floor, members)
    show("a group of sub-tasks, one slot", ours, members)
    show("jobs sent one by one, one slot", sent, members)


def raw_celery(store: EmbeddedStore, members: int) -> Taken:
    """Seconds until the group is started, and until its last result is there."""
    environment = {**os.environ, "RAW_BROKER": store.broker_url, "RAW_BACKEND": store.result_backend}
    os.environ.update(environment)
    sys.path.insert(0, str(Path(__file__).parent))
    from raw_celery import now

    command = [sys.executable, "-m", "celery", "-A", "raw_celery", "worker", "-P", "threads", "-c", "1", "-Q", "raw"]
    command += ["--without-gossip", "--without-mingle", "-l", "ERROR"]
    worker = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment, stdout=subprocess.DEVNULL)
    try:
        group(now.s() for _ in range(WARM_UP))().get(timeout=60)
        began = time.monotonic()
        started = group(now.s() for _ in range(members))()
        starting = time.monotonic() - began
        started.get(timeout=600)
        return starting, time.monotonic() - began
    finally:
        worker.terminate()
        worker.wait()


def groups(store: EmbeddedStore, folder: Path, members: int) -> tuple[Taken, Taken]:
    """The same of ours, from the job's start to its end; and of as many jobs, from the first request."""
    key = new_key()
    plan = Plan(
        host="127.0.0.1",
        port=free_port(),
        key_digest=digest_of(key),
        share_path=folder / "share",
        store_data=None,
        drain_timeout=5.0,
    )
    environment = {**os.environ, **store.environment, "LOG_LEVEL": "WARNING"}
    headers = {"x-api-key": key}
    with Stack(plan, environment=environment), httpx.Client(base_url=plan.url, headers=headers, timeout=60) as http:
        one_group(http, WARM_UP)
        return one_group(http, members), one_by_one(http, members)


def one_group(http: httpx.Client, members: int) -> Taken:
    """Run it."""
    sent = http.post("/jobs", files={"script": ("many.py", SCRIPT)}, data={"params": json.dumps({"members": members})})
    path = f"/jobs/{sent.json()['uuid']}"
    # Of all that is known of a job, the graph and the details grow with its members.
    while (status := http.get(path).json())["status"] not in ENDED:
        time.sleep(0.1)
    details = http.get(f"{path}/details").json()
    if details["result"] != list(range(members)):
        raise SystemExit(status["error"] or "The results are wrong.")
    began, ended = (datetime.fromisoformat(details["time_info"][name]) for name in ("started", "stopped"))
    return details["steps"][0]["duration"], (ended - began).total_seconds()


def one_by_one(http: httpx.Client, members: int) -> Taken:
    """Send as many jobs of the script."""
    began = time.monotonic()
    form = {"data": {"config": '{"entrypoint": "nothing"}'}}
    ids = [http.post("/jobs", files={"script": ("one.py", SCRIPT)}, **form).json()["uuid"] for _ in range(members)]
    starting = time.monotonic() - began
    while http.get(f"/jobs/{ids[-1]}").json()["status"] not in ENDED:
        time.sleep(0.1)
    return starting, time.monotonic() - began


def show(name: str, taken: Taken, members: int) -> None:
    """One line of the table."""
    starting, whole = taken
    print(f"{name:38}{starting:8.2f} s{whole:8.2f} s{1000 * whole / members:9.2f} ms")


if __name__ == "__main__":
    main()
