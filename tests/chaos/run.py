"""A run: the farm, the load, the faults, one after another until the time is over; then calm, and what was seen."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import cast

import redis

from tests.chaos.api_faults import ApiFaults
from tests.chaos.beacons import read_beacons
from tests.chaos.breakage import Breakage
from tests.chaos.canaries import Canaries
from tests.chaos.course import Course
from tests.chaos.events import EventReader
from tests.chaos.facts import TERMINAL, Facts
from tests.chaos.families import parents_of
from tests.chaos.farm import Farm, wait_until_gone
from tests.chaos.faults import Injector
from tests.chaos.load import Load
from tests.chaos.ports import lasting_port
from tests.chaos.proxy import Proxies
from tests.chaos.rebirth import Rebirth
from tests.chaos.share_faults import ShareFaults
from tests.chaos.shelf import Shelf
from tests.chaos.store import ChaosStore
from tests.chaos.store_faults import StoreFaults
from tests.chaos.unfinished import Unfinished
from tests.chaos.watcher import Watcher
from tests.chaos.worker_faults import WorkerFaults
from tests.chaos.workflow_faults import WorkflowFaults

_TICK = 0.02
_STARTING = 120.0
_GONE_WITHIN = 15.0
_UNDER_WAY = "what clients do"
_MIRRORED_WITHIN = 45.0
_SETTLED_WITHIN = 10.0
_WAITS = ("ps:ripe", "ps:awaiting", "ps:roused", "ps:doomed", "ps:next:*", "ps:open:*", "ps:children:*")
_FENCED = (b"lease lost: nothing of this attempt counts", b"state=None")


class Run:
    """One run; `facts` does it all."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._canaries = Canaries(course.folder)

    def facts(self) -> Facts:
        """Run to the end."""
        course = self._course
        course.folder.mkdir(parents=True, exist_ok=True)
        if any(course.folder.iterdir()):
            raise FileExistsError(f"{course.folder} is not empty: an earlier run lies there.")
        data = course.folder / "data"
        with ExitStack() as stack:
            self._store = stack.enter_context(ChaosStore(data, lasting_port(), fsync=course.fsync))
            self._proxies = stack.enter_context(Proxies(self._store.port))
            self._farm = self._make_farm()
            stack.enter_context(Watcher(self._farm.mark))
            stack.enter_context(self._farm)
            self._canaries.put()
            self._wait(lambda: all(self._farm.answers(api) for api in self._farm.apis), "the APIs", _STARTING)
            self._events = EventReader(self._store)
            self._load = self._make_load()
            self._breakage = self._make_breakage()
            self._make_faults(stack.enter_context(self._store.client()))
            with self._events, self._load:
                self._ill_treat()
                # Before others are begun, and a rebirth makes folders tell more.
                facts = self._gathered(self._records())
                unfinished = Unfinished(self._farm, self._load)
                if course.rebirth:
                    unfinished.begin()
            facts = replace(facts, orphans=tuple(self._end()))
            if course.rebirth:
                holding = [final for final in facts.finals if final.holds and not final.others]
                unfinished.note_the_loss()
                with Rebirth(self._store, self._farm, data) as rebirth:
                    facts = replace(facts, rebuilt=rebirth.told_of(holding), resumed=unfinished.resumed(rebirth))
        return facts

    def _ill_treat(self) -> None:
        self._load.probe()
        self._wait(self._tended_is_calm, "the farm", _STARTING)
        self._break_things()
        self._calm_down()
        self._load.look_again()
        self._wait(self._is_mirrored, "the mirror", _MIRRORED_WITHIN, strict=False)
        self._wait(lambda: not self._are_at_it(), "what follows upon ends", _SETTLED_WITHIN, strict=False)

    def _make_farm(self) -> Farm:
        course = self._course
        return Farm(
            course.folder,
            self._proxies,
            scale=course.scale,
            drain_timeout=course.drain_timeout,
            tokens=course.tokens,
            workers=course.workers,
        )

    def _make_load(self) -> Load:
        course = self._course
        open_jobs = course.open_jobs or 3 * course.workers
        return Load(self._farm, course.folder, seed=course.seed, scale=course.scale, open_jobs=open_jobs)

    def _make_breakage(self) -> Breakage:
        course = self._course
        return Breakage(self._farm, seed=course.seed, scale=course.scale, drain_timeout=course.drain_timeout)

    def _make_faults(self, client: "redis.Redis") -> None:
        self._worker_faults = WorkerFaults(self._breakage, self._farm, alive=self._course.folder / "alive")
        self._api_faults = ApiFaults(self._breakage, self._farm, self._load)
        store_faults = StoreFaults(self._breakage, self._store, self._proxies, self._load, client)
        moments = self._course.folder / "moments"
        share_faults = ShareFaults(self._breakage, self._farm.share)
        workflows = WorkflowFaults(self._breakage, self._farm, moments=moments, kill_store=store_faults.kill)
        kinds = (self._worker_faults, store_faults, self._api_faults, share_faults, workflows)
        self._injector = Injector(
            self._breakage,
            deeds={kind: deed for some in kinds for kind, deed in some.deeds.items()},
            workflows=workflows,
            gap=self._course.gap,
        )

    def _break_things(self) -> None:
        ends = time.monotonic() + 60 * self._course.minutes
        told = 0
        while time.monotonic() < ends and len(self._breakage.faults) < self._course.faults:
            self._injector.step()
            if len(self._breakage.faults) >= told + 100:
                told = len(self._breakage.faults)
                self._course.say(f"{told} faults, {len(self._load.sender.accepted)} jobs")
            time.sleep(_TICK)

    def _calm_down(self) -> None:
        """Heal all, send no more, and see that everything ends; what does not is for the checker to say."""
        self._injector.calm()
        self._api_faults.join()
        self._load.stop_sending()
        left, changed = self._unended(), time.monotonic()
        while left and time.monotonic() < changed + self._course.patience:
            self._breakage.tend()
            time.sleep(10 * _TICK)
            now = self._unended()
            if now != left:
                left, changed = now, time.monotonic()
        self._course.say(f"calm: {len(self._breakage.faults)} faults, {len(left)} jobs that did not end")

    def _unended(self) -> set[str]:
        """Jobs that somebody still waits for."""
        deeds = {_UNDER_WAY} if self._load.is_at_it else set()
        return {*deeds, *self._load.open_jobs, *(job for job, record in self._records().items() if _is_open(record))}

    def _is_mirrored(self) -> bool:
        with self._store.client(timeout=10.0) as client:
            return not client.exists("ps:unmirrored")

    def _are_at_it(self) -> bool:
        """Whether an end is still to be followed up."""
        return any(key in ("ps:ripe", "ps:roused", "ps:doomed") for key in self._waits())

    def _waits(self) -> dict[str, frozenset[str]]:
        with self._store.client(timeout=10.0) as client:
            keys = sorted(key for pattern in _WAITS for key in client.scan_iter(pattern, count=1000))
            return {key: frozenset(_members(client, key)) for key in keys}

    def _records(self) -> dict[str, dict[str, str]]:
        with self._store.client(timeout=10.0) as client:
            jobs = cast("list[str]", client.zrange("ps:jobs", 0, -1))
            pipeline = client.pipeline(transaction=False)
            for job_id in jobs:
                pipeline.hgetall(f"ps:job:{job_id}")
            return {job_id: record for job_id, record in zip(jobs, pipeline.execute(), strict=True) if record}

    def _end(self) -> list[str]:
        """Ask all to leave; who is still there 15 s after the last of them."""
        for member in self._farm.members:
            if member.is_running:
                member.signal(15)
        self._wait(
            lambda: not any(member.is_running for member in self._farm.members), "the end", _STARTING, strict=False
        )
        return wait_until_gone(self._farm, within=_GONE_WITHIN)

    def _gathered(self, records: dict[str, dict[str, str]]) -> Facts:
        breakage, load, events, course = self._breakage, self._load, self._events, self._course
        deeds, shelf = load.deeds, Shelf(self._farm.share)
        return Facts(
            accepted=tuple(load.sender.accepted),
            events=tuple(events.events),
            gaps=events.gaps,
            holds=tuple(events.holds.values()),
            finals=load.finals,
            cancels=tuple(deeds.cancels),
            deletions=tuple(deeds.deletions),
            agains=tuple(deeds.agains),
            misuses=tuple(load.sender.misuses),
            records=records,
            parents={**events.parents, **parents_of(records)},
            waits=self._waits(),
            folders=tuple(shelf.folders()),
            strangers=tuple(shelf.strangers()),
            mirrored=shelf.mirrored(),
            beats=tuple(read_beacons(course.folder / "beacons")),
            faults=tuple(breakage.faults),
            drains=tuple(breakage.drains),
            exits=tuple(breakage.exits),
            archives=tuple(deeds.archives),
            cut_uploads=self._api_faults.cut,
            fenced=self._fenced(),
            survivors=tuple(self._worker_faults.survivors),
            harmed=tuple(self._canaries.harmed()),
            workers_up=tuple(breakage.workers_up),
            scale=course.scale,
            drain_timeout=course.drain_timeout,
            tokens=course.tokens,
            names=self._farm.names,
            idempotency=load.sender.idempotency,
            monotonic=time.monotonic() - time.time(),
        )

    def _fenced(self) -> int:
        logs = [worker.log.read_bytes() for worker in self._farm.workers]
        return sum(log.count(words) for log in logs for words in _FENCED)

    def _tended_is_calm(self) -> bool:
        self._breakage.tend()
        return self._breakage.is_calm

    def _wait(self, done: Callable[[], bool], what: str, patience: float, *, strict: bool = True) -> None:
        ends = time.monotonic() + patience
        while not done():
            if time.monotonic() > ends:
                if strict:
                    raise RuntimeError(f"Waited {patience:g} s for {what}: see {self._course.folder / 'logs'}")
                return
            time.sleep(_TICK)


def _members(client: "redis.Redis", key: str) -> list[str]:
    match client.type(key):
        case "zset":
            return cast("list[str]", client.zrange(key, 0, -1))
        case "list":
            return cast("list[str]", client.lrange(key, 0, -1))
        case "set":
            return list(cast("set[str]", client.smembers(key)))
        case _:
            # A count, of what began with a job.
            return [key.rpartition(":")[2]]


def _is_open(record: dict[str, str]) -> bool:
    return record["state"] not in TERMINAL
