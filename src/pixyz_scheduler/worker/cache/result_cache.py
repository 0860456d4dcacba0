"""ResultCache: has an earlier job done the same work? Then its outputs are the answer, and no script is run."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pixyz_scheduler.broker.done_work import FROM, KEY, OUTPUTS, Done, DoneWork
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import LeaseLost, SchedulerError
from pixyz_scheduler.jobs.outcome import Awaits, Succeeded
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.same_work import may_share, names_jobs, same_work
from pixyz_scheduler.storage.archive import manifest
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.shared_outputs import share_outputs, unshare
from pixyz_scheduler.worker.cache.program import Program, digest_of_files
from pixyz_scheduler.worker.isolation.events import Exited
from pixyz_scheduler.worker.job_log import JobLog
from pixyz_scheduler.worker.supervisor import Ended

_log = logging.getLogger(__name__)

_PIECE = 1 << 20


class Cache(Protocol):
    """What stands around each attempt."""

    def around(self, report: JobReport, run: Callable[[], Ended], *, fit: Callable[[], object]) -> Ended:
        """The attempt's end: its own, or an earlier job's.

        Args:
            report: of the job.
            run: does the work.
            fit: called before the job's outputs are touched without a run; raises LeaseLost where it is another's now.
        """


class _NoCache:
    def around(self, report: JobReport, run: Callable[[], Ended], *, fit: Callable[[], object]) -> Ended:  # noqa: ARG002  (as the protocol has it)
        return run()


NO_CACHE = _NoCache()


@dataclass(frozen=True)
class ResultCache:
    """Answers jobs with `config.cache`. One for a worker; any number of threads ask.

    Args:
        done: what the store knows of work that is done.
        share: where folders of jobs lie.
        catalog: the processes.
        program: what runs jobs here.
    """

    done: DoneWork
    share: Share
    catalog: ProcessCatalog
    program: Program

    def around(self, report: JobReport, run: Callable[[], Ended], *, fit: Callable[[], object]) -> Ended:
        """See Cache."""
        job, key = report.job, self._key(report)
        # Who had it run again wants its outputs made, not found.
        if key is not None and not report.run and (earlier := self._found(key, report, fit)):
            return earlier
        if report.run or (key is not None and report.epoch > 1):
            # It had ended, or another attempt had taken an earlier job's: its outputs may be others' too.
            fit()
            unshare(self.share.folder(job.outputs_of or job.id))
        ended = run()
        return ended if key is None else self._offered(key, report, ended)

    def _key(self, report: JobReport) -> str | None:
        if not may_share(report.job):
            return None
        try:
            code, inputs = self._code(report), list(self._inputs(report))
            return same_work(report.job, program=self.program.digest, code=code, inputs=inputs)
        except (OSError, SchedulerError) as error:
            # Whatever is wrong, the attempt meets it too, and says so in its own words.
            _log.warning("not looked for among the work that is done: %s", error)
            return None

    def _code(self, report: JobReport) -> str:
        job = report.job
        if job.script is None:
            # A process may import what lies beside it.
            folder = self.catalog.folder
            return digest_of_files(sorted(path for path in folder.rglob("*.py") if path.is_file()), folder)
        return self._hash(report, job.script)

    def _inputs(self, report: JobReport) -> Iterator[tuple[str, str]]:
        job = report.job
        for name in job.input_files or ((job.input_file,) if job.input_file else ()):
            yield name, self._hash(report, name)

    def _hash(self, report: JobReport, name: str) -> str:
        job = report.job
        # As it was sent, a script that has begun may have changed it since: its own or, where it is shared, another's.
        is_as_sent = report.epoch == 1 and job.inputs_of is None and not job.options.deduplicate
        known = job.input_hashes.get(name) if is_as_sent else None
        return known or _digest(self.share.folder(job.inputs_of or job.id).input(name))

    def _found(self, key: str, report: JobReport, fit: Callable[[], object]) -> Ended | None:
        try:
            earlier = self.done.find(key)
            return self._taken(key, report, earlier, fit) if earlier is not None else None
        except LeaseLost:
            raise
        except (OSError, SchedulerError, ValueError) as error:
            _log.warning("the same work is done, and cannot be taken over: %s", error)
            return None

    def _taken(self, key: str, report: JobReport, earlier: Done, fit: Callable[[], object]) -> Ended | None:
        source, job_id = earlier.report.job.id, report.job.id
        text = Results(self.share).text(earlier.report) or "null"
        if names_jobs(text, params=report.job.params):
            _log.info(
                "not answered by job %s, which has done the same work: its result may name it, or another", source
            )
            return None
        target = self.share.folder(job_id)
        if not share_outputs(self.share.folder(source), target, as_of=earlier.outputs, fit=fit):
            return None
        worked = earlier.report.cached_from or source
        _log.info("answered by the outputs of job %s", worked)
        # They are taken: that the log cannot say so is no reason to run the script on top of them.
        with suppress(OSError, SchedulerError), JobLog(target, report.epoch) as log:
            log.write(f"Not run: job {worked} has done the same work, and its outputs are taken.\n".encode())
        fields = {KEY: key, OUTPUTS: earlier.outputs, FROM: worked}
        return Ended(Succeeded(json.loads(text)), earlier.report.progress, Exited(), fields)

    def _offered(self, key: str, report: JobReport, ended: Ended) -> Ended:
        match ended.outcome:
            case Succeeded():
                return replace(ended, fields={KEY: key, OUTPUTS: self._outputs(report)})
            case Awaits():
                # What its sub-tasks write is known when they have ended.
                return replace(ended, fields={KEY: key})
            case _:
                return ended

    def _outputs(self, report: JobReport) -> str:
        try:
            return manifest(self.share.folder(report.job.id))
        except (OSError, SchedulerError) as error:
            _log.warning("these outputs answer no other job: %s", error)
            return ""


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
