"""Parts of a worker, put together by hand on a real store and share."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.done_work import DoneWork
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.records import Bell, RecordStore
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.workspaces import Workspaces
from pixyz_scheduler.upkeep.aftermath import Aftermath
from pixyz_scheduler.worker.cache.program import Program
from pixyz_scheduler.worker.cache.result_cache import ResultCache
from pixyz_scheduler.worker.children import without_secrets
from pixyz_scheduler.worker.execution import Execution
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroups
from pixyz_scheduler.worker.isolation.cgroup_home import open_groups
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.leftovers import worker_token
from pixyz_scheduler.worker.isolation.slots import Slots
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from pixyz_scheduler.worker.isolation.template import Template
from pixyz_scheduler.worker.lease_keeper import LeaseKeeper
from pixyz_scheduler.worker.limits import MemoryLimit
from pixyz_scheduler.worker.run import Workshop
from pixyz_scheduler.worker.subtasks import Subtasks

NO_ENGINE = EngineChoice(name="none")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "HOME": "/tmp"}


class Bells:
    """Doorbells that were rung, kept instead of sent."""

    def __init__(self) -> None:
        self.rung: list[Bell] = []

    def ring(self, bell: Bell) -> None:
        self.rung.append(bell)


@dataclass
class Bench:
    """One worker's parts, without Celery."""

    records: RecordStore
    share: Share
    execution: Execution
    bells: Bells
    families: Families
    aftermath: Aftermath

    def submit(self, source: str, *, params: str = "{}", **options: object) -> JobId:
        job_id = JobId(str(uuid.uuid4()))
        with self.share.incoming() as incoming:
            with incoming.create("script", "script.py") as file:
                file.write(source.encode())
            incoming.adopt(job_id)
        job = Job(job_id, "custom", JobOptions(**options), submitted=0.0, params=params, script="script.py")
        assert self.records.submit(job)
        return job_id

    def run(self, source: str, *, queue: str = "cpu", **options: object) -> JobReport:
        job_id = self.submit(source, queue=queue, **options)
        self.execution.run(job_id, queue=queue)
        return self.records.report(job_id)

    def serve(self) -> None:
        """As a farm of one slot that listens on all queues: one doorbell after the other, until none rings."""
        while self.bells.rung:
            bell = self.bells.rung.pop(0)
            self.execution.run(bell.job_id, queue=bell.queue)

    def children(self, job_id: JobId) -> list[JobReport]:
        """In no order."""
        return list(self.families.reports(self.families.children(job_id)).values())

    def log(self, job_id: JobId, attempt: int = 1) -> str:
        return self.share.folder(job_id).log_path(attempt).read_text()


@pytest.fixture(scope="session")
def groups() -> Iterator[MemoryGroups | None]:
    """Where this machine gives none, the trees are weighed by their pages, in the same tests."""
    made = open_groups(worker_token())
    yield made
    if made is not None:
        made.close()


@pytest.fixture(scope="session")
def template(groups: MemoryGroups | None) -> Iterator[Template]:
    environment = without_secrets(ENVIRONMENT)
    with Template(engine=NO_ENGINE, environment=environment, groups=groups) as template:
        yield template


@pytest.fixture(params=["fork", "spawn"])
def slots(request: pytest.FixtureRequest, groups: MemoryGroups | None) -> Iterator[Slots]:
    if request.param == "spawn":
        yield SpawnSlots(ENVIRONMENT, groups=groups)
        return
    made = ForkSlots(request.getfixturevalue("template"), ahead=1)
    yield made
    made.close()


@pytest.fixture(params=["fork", "spawn"])
def slots_without_groups(request: pytest.FixtureRequest) -> Iterator[Slots]:
    if request.param == "spawn":
        yield SpawnSlots(ENVIRONMENT)
        return
    with Template(engine=NO_ENGINE, environment=without_secrets(ENVIRONMENT)) as template:
        made = ForkSlots(template, ahead=1)
        yield made
        made.close()


@pytest.fixture
def fork_slots(one_isolation: str, request: pytest.FixtureRequest, groups: MemoryGroups | None) -> Iterator[Slots]:
    """Forked, unless the run is with --isolation=spawn: for tests to which that is no matter."""
    if one_isolation == "spawn":
        yield SpawnSlots(ENVIRONMENT, groups=groups)
        return
    made = ForkSlots(request.getfixturevalue("template"), ahead=1)
    yield made
    made.close()


@pytest.fixture
def client(store_url: str) -> Iterator["redis.Redis"]:
    client = connect(store_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def bench_of(store_url: str, tmp_path: Path) -> Iterator[Callable[[Slots], Bench]]:
    client = connect(store_url)
    client.flushall()
    records = RecordStore(client)
    bells = Bells()
    stopping = threading.Event()
    share = tmp_path / "share"
    share.mkdir()
    with (
        Workspaces(tmp_path / "local") as workspaces,
        LeaseKeeper(RecordStore(connect(store_url, timeout=1.0))) as keeper,
    ):

        def make(slots: Slots, memory: int = 0, memory_gpuhigh: int = 0, log_limit: int = 0) -> Bench:
            families = Families(records, client)
            aftermath = Aftermath(records, families, bells, results=Results(Share(share)))
            workshop = Workshop(
                share=Share(share),
                subtasks=Subtasks(records, families, bells, Share(share), JobOptions()),
                catalog=ProcessCatalog(tmp_path),
                slots=slots,
                workspaces=workspaces,
                retry_time_limit=60,
                memory=MemoryLimit(memory),
                memory_gpuhigh=MemoryLimit(memory_gpuhigh),
                log_limit=log_limit,
                cache=ResultCache(DoneWork(records), Share(share), ProcessCatalog(tmp_path), Program(NO_ENGINE)),
            )
            results = Results(Share(share))
            execution = Execution(
                "w1", records, keeper, bells, workshop.run, families, aftermath, stopping, results=results
            )
            return Bench(records, Share(share), execution, bells, families, aftermath)

        yield make
    stopping.set()
    client.close()


@pytest.fixture
def bench(bench_of: Callable[[Slots], Bench], slots: Slots) -> Bench:
    return bench_of(slots)


@pytest.fixture
def fork_bench(bench_of: Callable[[Slots], Bench], fork_slots: Slots) -> Bench:
    return bench_of(fork_slots)
