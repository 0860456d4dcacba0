#!/usr/bin/env python3
"""POST to the script's first line, beside raw Celery from `delay` to the task's body, in one run on one machine.

    .venv/bin/python bench/first_line.py [--jobs 200]

One client (the standard library's, its form made before), one job at a time, 30 ms apart, the connection kept. Ours
includes HTTP, the upload's fsync, the record, the lease and a child of its own; the floor has none of these. Both on
the same embedded Valkey with AOF. Neither includes the answer's way back.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of, new_key
from pixyz_scheduler.launcher.stack import Plan, Stack

SCRIPT = b"import time\nBEGAN = time.monotonic_ns()\n\ndef main(pc, params):\n    return BEGAN\n"
BOUNDARY = "part"
FORM = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="script"; filename="first_line.py"\r\n\r\n'.encode()
    + SCRIPT
    + f"\r\n--{BOUNDARY}--\r\n".encode()
)
WARM_UP = 20
# Seconds between two jobs: each meets an idle worker, whose spare children are forked again.
REST = 0.03


def main() -> None:
    """Print both figures and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=200)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory(prefix="pixyz-bench-") as folder, EmbeddedStore.start(Path(folder)) as store:
        floor = raw_celery(store, jobs)
        ours = posts(store, Path(folder), jobs)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{os.cpu_count()} cores, {system}, {jobs} jobs")
    print(f"{'':38}{'median':>9}{'p95':>9}{'p99':>9}  ms")
    show("raw Celery threads: delay to body", floor)
    show("POST to the script's first line", ours)
    print(f"ratio of the medians: {statistics.median(ours) / statistics.median(floor):.2f}")


def raw_celery(store: EmbeddedStore, jobs: int) -> list[float]:
    """Milliseconds from `delay` to the task's body."""
    environment = {**os.environ, "RAW_BROKER": store.broker_url, "RAW_BACKEND": store.result_backend}
    os.environ.update(environment)
    sys.path.insert(0, str(Path(__file__).parent))
    from raw_celery import now

    command = [sys.executable, "-m", "celery", "-A", "raw_celery", "worker", "-P", "threads", "-c", "1", "-Q", "raw"]
    command += ["--without-gossip", "--without-mingle", "-l", "ERROR"]
    worker = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment, stdout=subprocess.DEVNULL)
    try:
        taken = []
        for _ in range(WARM_UP + jobs):
            began = time.monotonic_ns()
            taken.append((now.delay().get(timeout=60) - began) / 1e6)
            time.sleep(REST)
        return taken[WARM_UP:]
    finally:
        worker.terminate()
        worker.wait()


def posts(store: EmbeddedStore, folder: Path, jobs: int) -> list[float]:
    """Milliseconds from the POST to the first line of its script."""
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
    with Stack(plan, environment=environment), closing(http.client.HTTPConnection(plan.host, plan.port)) as client:
        headers = {"x-api-key": key, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return [one_post(client, headers) for _ in range(WARM_UP + jobs)][WARM_UP:]


def one_post(client: http.client.HTTPConnection, headers: dict[str, str]) -> float:
    """Milliseconds for one job."""
    began = time.monotonic_ns()
    client.request("POST", "/jobs", FORM, headers)
    answer = json.load(client.getresponse())
    uuid = answer["uuid"]
    while True:
        client.request("GET", f"/jobs/{uuid}/details", headers=headers)
        details = json.load(client.getresponse())
        if details["status"] == "SUCCESS":
            time.sleep(REST)
            return (details["result"] - began) / 1e6
        if details["status"] == "FAILURE":
            raise SystemExit(details["error"])
        # Asking without a pause would take the processor from those who are measured.
        time.sleep(0.005)


def show(name: str, taken: list[float]) -> None:
    """One line of the table."""
    cuts = statistics.quantiles(taken, n=100)
    print(f"{name:38}{statistics.median(taken):9.2f}{cuts[94]:9.2f}{cuts[98]:9.2f}")


if __name__ == "__main__":
    main()
