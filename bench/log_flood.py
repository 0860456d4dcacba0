#!/usr/bin/env python3
"""What a job's flood of output costs the job in the next slot of the same worker: POST to the script's first line.

    .venv/bin/python bench/log_flood.py [--jobs 100] [--bytes 1000000000]

The floor is a neighbour that computes as hard and prints nothing: what it takes of the processors it takes either way.
Then one that prints as fast as it can in blocks, one that prints lines by `print`, and that one with a follower of its
log. Each prints that many bytes at least, and goes on until the last measured job has ended.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from first_line import BOUNDARY, REST, SCRIPT, WARM_UP, show

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of, new_key
from pixyz_scheduler.launcher.stack import Plan, Stack

NEIGHBOUR = b"""
import os, time

def main(pc, params):
    line, block, printed, rounds = "x" * 79, b"x" * 65535 + b"\\n", 0, 0
    while printed < params["least"] or not os.path.exists(params["end"]):
        if params["how"] == "blocks":
            printed += os.write(1, block)
        elif params["how"] == "lines":
            print(line)
            printed += 80
        elif os.path.exists(params["end"]):
            break
        else:
            sum(range(1000))
    return printed
"""
# A pool of several slots in one worker process, where a neighbour is nearest.
QUEUE = "control"


def main() -> None:
    """Print the figures and their ratios to the floor."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pixyz-bench-") as folder, EmbeddedStore.start(Path(folder)) as store:
        key = new_key()
        share = Path(folder) / "share"
        plan = Plan("127.0.0.1", free_port(), digest_of(key), share, store_data=None, drain_timeout=5.0)
        environment = {**os.environ, **store.environment, "LOG_LEVEL": "WARNING", "CONCURRENT_TASKS": "2"}
        with Stack(plan, environment=environment), httpx.Client(base_url=plan.url, headers={"x-api-key": key}) as api:
            taken = {"alone": measured(plan, key, asked.jobs)}
            for name, how, follows in [
                ("beside one that computes", "nothing", False),
                ("beside one that prints blocks", "blocks", False),
                ("beside one that prints lines", "lines", False),
                ("beside one that prints lines, followed", "lines", True),
            ]:
                with neighbour(api, Path(folder), how=how, least=asked.bytes, follows=follows) as said:
                    taken[name] = measured(plan, key, asked.jobs)
                print(f"{name}: {said}")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}")
    print(f"{'':38}{'median':>9}{'p95':>9}{'p99':>9}  ms")
    floor = statistics.median(taken["beside one that computes"])
    for name, figures in taken.items():
        show(name, figures)
        print(f"{'':38}{statistics.median(figures) / floor:9.2f} times the floor")


def measured(plan: Plan, key: str, jobs: int) -> list[float]:
    """Milliseconds from the POST to the first line, one job at a time."""
    form = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="config"\r\n\r\n{{"queue": "{QUEUE}"}}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="script"; filename="first_line.py"\r\n\r\n'
    ).encode()
    body = form + SCRIPT + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"x-api-key": key, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    taken = []
    with closing(http.client.HTTPConnection(plan.host, plan.port)) as client:
        for _ in range(WARM_UP + jobs):
            began = time.monotonic_ns()
            client.request("POST", "/jobs", body, headers)
            details = ended(client, json.load(client.getresponse())["uuid"], headers)
            taken.append((details["result"] - began) / 1e6)
            time.sleep(REST)
    return taken[WARM_UP:]


def ended(client: http.client.HTTPConnection, uuid: str, headers: dict[str, str]) -> dict[str, int]:
    """The details of a job that succeeded."""
    while True:
        client.request("GET", f"/jobs/{uuid}/details", headers=headers)
        details: dict[str, int] = json.load(client.getresponse())
        if details["status"] == "SUCCESS":
            return details
        if details["status"] == "FAILURE":
            raise SystemExit(details["error"])
        time.sleep(0.005)


@contextmanager
def neighbour(api: httpx.Client, folder: Path, *, how: str, least: int, follows: bool) -> Iterator[dict[str, str]]:
    """A job at work next door, meanwhile; at its end the mapping says what it printed, and how fast."""
    end = folder / f"end-{how}-{follows}"
    params = {"how": how, "least": least, "end": str(end)}
    sent = {"params": json.dumps(params), "config": json.dumps({"queue": QUEUE})}
    job = api.post("/jobs", data=sent, files={"script": ("neighbour.py", NEIGHBOUR)}).json()["uuid"]
    while api.get(f"/jobs/{job}").json()["status"] in ("SENT", "PENDING"):
        time.sleep(0.01)
    follower = threading.Thread(target=follow, args=(api, job))
    if follows:
        follower.start()
    said: dict[str, str] = {}
    began = time.monotonic()
    yield said
    end.touch()
    while (details := api.get(f"/jobs/{job}/details").json())["status"] != "SUCCESS":
        if details["status"] == "FAILURE":
            raise SystemExit(details["error"])
        time.sleep(0.05)
    seconds = time.monotonic() - began
    if follows:
        follower.join()
    log = api.get(f"/jobs/{job}/logs", headers={"accept": "application/json"}).json()["attempts"]
    printed = details["result"]
    said["printed"] = f"{printed / 1e6:.0f} MB in {seconds:.1f} s"
    said["kept"] = f"{sum(entry['size'] for entry in log) / 1e6:.0f} MB"


def follow(api: httpx.Client, job: str) -> None:
    """Read along."""
    with api.stream("GET", f"/jobs/{job}/logs", params={"follow": "true"}, timeout=None) as answer:
        for _ in answer.iter_raw():
            pass


if __name__ == "__main__":
    main()
