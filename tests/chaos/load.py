"""Load: clients that send jobs, look at them, cancel them and ask for archives, through any API."""

import hashlib
import json
import random
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from typing_extensions import Self

from tests.chaos.beacons import SCRIPT
from tests.chaos.facts import TERMINAL, Accepted, Archives, Cancel, Final
from tests.chaos.farm import KEY, Farm, Member
from tests.chaos.plans import Plan

_TIMEOUT = 8.0
_PAUSE = 0.05
_BEAT = 0.02
_ASKERS = 4
_HEADER, _REPLAYED = "Idempotency-Key", "idempotent-replayed"


class Load:
    """Threads that send and look; a context manager that ends them.

    Args:
        farm: whose APIs are asked.
        folder: where scripts write their beacons (`beacons`) and say that they live (`alive`).
        seed: of every choice.
        scale: of the protocol's times.
        open_jobs: how many jobs may be under way at once.

    Attributes:
        accepted: every 2xx.
        cancels: what cancels were answered.
        archives: what askers got.
        idempotency: whether the API knows the header; set by `probe`.
    """

    def __init__(self, farm: Farm, folder: Path, *, seed: int, scale: float, open_jobs: int) -> None:
        self.accepted: list[Accepted] = []
        self.cancels: list[Cancel] = []
        self.archives: list[Archives] = []
        self.idempotency = False
        self._farm = farm
        self._folder = folder
        self._scale = scale
        self._open_jobs = open_jobs
        self._dice = random.Random(seed)  # noqa: S311  (a test's dice)
        self._open: dict[str, Plan] = {}
        self._at_work: set[str] = set()
        self._finals: dict[str, Final] = {}
        self._over = threading.Event()
        self._no_more = threading.Event()
        self._deeds = ThreadPoolExecutor(3 * _ASKERS, thread_name_prefix="deeds")
        self._client = httpx.Client(headers={"x-api-key": KEY}, timeout=_TIMEOUT)
        self._threads = [
            *(threading.Thread(target=self._send_all, name=f"sender{n}", daemon=True) for n in range(2)),
            threading.Thread(target=self._watch_all, name="watcher", daemon=True),
        ]
        for name in ("beacons", "alive"):
            (folder / name).mkdir()

    @property
    def open_jobs(self) -> list[str]:
        """Accepted, and not seen at their end."""
        return list(self._open)

    @property
    def finals(self) -> tuple[Final, ...]:
        """What clients were told of the ends."""
        return tuple(self._finals.values())

    def probe(self) -> None:
        """Find out whether the API knows Idempotency-Key, by two jobs of one key."""
        key = secrets.token_hex(8)
        self._send(Plan(seconds=0.0), key=key)
        self.idempotency = self._send(Plan(seconds=0.0), key=key).replayed
        if not self.idempotency:
            self.accepted = [replace(one, key=None) for one in self.accepted]

    def stop_sending(self) -> None:
        """No new jobs; those under way are looked at on."""
        self._no_more.set()

    def take(self, accepted: Accepted) -> None:
        """Look after a job that somebody else has sent."""
        self._open[accepted.job_id] = accepted.plan
        self.accepted.append(accepted)

    def params(self, plan: Plan) -> str:
        """What the script of a plan is told."""
        return json.dumps(
            {
                "kind": plan.kind,
                "seconds": plan.seconds,
                "bytes": plan.size,
                "beat": _BEAT,
                "beacons": str(self._folder / "beacons"),
                "alive": str(self._folder / "alive"),
            }
        )

    def look_again(self) -> None:
        """Ask for the details of every job that has ended, once more."""
        for job_id in list(self._finals):
            self._look(job_id)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._no_more.set()
        for thread in self._threads:
            thread.join()
        self._deeds.shutdown()
        self._client.close()

    def _send_all(self) -> None:
        while not self._no_more.is_set():
            if len(self._open) >= self._open_jobs:
                self._no_more.wait(_PAUSE)
                continue
            key = secrets.token_hex(8) if self.idempotency and self._dice.random() < 0.3 else None
            accepted = self._send(Plan.drawn(self._dice, scale=self._scale), key=key)
            self._perhaps_cancel(accepted)

    def _send(self, plan: Plan, *, key: str | None) -> Accepted:
        """POST until a 2xx comes."""
        headers = {} if key is None else {_HEADER: f'"{key}"'}
        while True:
            answer = self._ask(
                "POST",
                "/jobs",
                files={"script": ("job.py", SCRIPT)},
                data={"params": self.params(plan), "config": json.dumps({"queue": "cpu", "time_limit": 300})},
                headers=headers,
            )
            if answer is not None and answer.is_success:
                replayed = answer.headers.get(_REPLAYED) == "true"
                accepted = Accepted(answer.json()["uuid"], plan, time.time(), key, replayed)
                self.take(accepted)
                return accepted
            self._over.wait(_PAUSE)

    def _perhaps_cancel(self, accepted: Accepted) -> None:
        chance = self._dice.random()
        if chance < 0.06:
            self._cancel(accepted.job_id)
        elif chance < 0.12:
            wait = self._dice.uniform(0, 3 * self._scale)
            self._deeds.submit(self._later, wait, lambda: self._cancel(accepted.job_id))

    def _cancel(self, job_id: str) -> None:
        asked = time.time()
        api = self._dice.choice(self._farm.apis)
        answer = self._ask("POST", f"/jobs/{job_id}/cancel", api=api)
        status = answer.json()["status"] if answer is not None and answer.is_success else None
        code = 0 if answer is None else answer.status_code
        self.cancels.append(Cancel(job_id, asked, time.time(), code, status, api.name))

    def _watch_all(self) -> None:
        while not self._over.is_set():
            for job_id in list(self._open):
                if self._over.is_set():
                    return
                self._look(job_id)
            ended = list(self._finals)
            if ended:
                self._look(self._dice.choice(ended))
            self._over.wait(_PAUSE)

    def _look(self, job_id: str) -> None:
        answer = self._ask("GET", f"/jobs/{job_id}/details")
        if answer is None or not answer.is_success:
            # A 404 for a job that was accepted shows in the records at the end.
            return
        details = answer.json()
        final = self._finals.get(job_id)
        if final is not None:
            if details != final.details:
                self._finals[job_id] = replace(final, others=(*final.others, details))
        elif details["status"] in TERMINAL:
            self._finals[job_id] = Final(job_id, details)
            self._open.pop(job_id, None)
            if details["status"] == "SUCCESS" and self._dice.random() < 0.05:
                self._deeds.submit(self._archive, job_id)
        elif details["status"] == "RUNNING" and job_id not in self._at_work:
            self._at_work.add(job_id)
            if self._dice.random() < 0.08:
                self._deeds.submit(self._cancel, job_id)

    def _archive(self, job_id: str) -> None:
        with ThreadPoolExecutor(_ASKERS) as askers:
            got = [body for body in askers.map(self._fetch, [job_id] * _ASKERS) if body is not None]
        folder = self._farm.share / job_id / "archives"
        files = tuple(sorted(path.name for path in folder.iterdir())) if folder.exists() else ()
        digests = frozenset(hashlib.sha256(body).hexdigest() for body in got)
        self.archives.append(Archives(job_id, digests, len(got), files))

    def _fetch(self, job_id: str) -> bytes | None:
        """The archive, asked for until it is there; None where the run is over first."""
        while not self._over.is_set():
            answer = self._ask("GET", f"/jobs/{job_id}/outputs/archive")
            if answer is not None and answer.is_success:
                return answer.content
            self._over.wait(10 * _PAUSE)
        return None

    def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        if not self._over.wait(seconds):
            deed()

    def _ask(self, method: str, path: str, *, api: Member | None = None, **what: Any) -> httpx.Response | None:
        """One answer, of any API; None where none came."""
        api = api or self._dice.choice(self._farm.apis)
        try:
            return self._client.request(method, self._farm.url(api) + path, **what)
        except httpx.HTTPError:
            return None
