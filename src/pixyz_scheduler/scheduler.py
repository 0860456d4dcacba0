"""Scheduler: the use cases. What may be asked of jobs, and nothing of how it was asked."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

from pixyz_scheduler.broker.dispatch import SendingDispatch, bell_of, ring_if_possible
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.idempotency import Hold
from pixyz_scheduler.broker.listing import JobFilter, JobPage, list_jobs
from pixyz_scheduler.broker.load import Load, load_of
from pixyz_scheduler.broker.records import CANCELLING, DOOMED
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import (
    Conflict,
    JobNotFound,
    SchedulerError,
    StorageFull,
    StoreSilent,
    StoreUnavailable,
)
from pixyz_scheduler.intake.admission import NOTHING_MORE, Admission
from pixyz_scheduler.intake.earlier_output import EarlierOutput
from pixyz_scheduler.intake.submission import Submission, with_inputs
from pixyz_scheduler.jobs.accepted import Accepted
from pixyz_scheduler.jobs.family import MOST_STEPS, progress_of
from pixyz_scheduler.jobs.graph import Graph
from pixyz_scheduler.jobs.job import JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import sent_text
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.incoming import Incoming
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.state_files import StateFiles
from pixyz_scheduler.surroundings import Surroundings

# What a graph tells at most; a browser draws no more.
_MOST_NODES = 5000


class Scheduler:
    """The use cases.

    Args:
        families: the store, and what it says of jobs together.
        dispatch: rings doorbells.
        surroundings: the share where job folders lie, whether it is ours, and has room.
        catalog: the named processes.
        defaults: options that hold where neither user nor script speaks.
        ended: told of each job that is ended here.
        admission: what jobs may ask for.
    """

    def __init__(
        self,
        *,
        families: Families,
        dispatch: SendingDispatch,
        surroundings: Surroundings,
        catalog: ProcessCatalog,
        defaults: JobOptions = JobOptions(),  # noqa: B008  (frozen)
        ended: Callable[[JobId], None] = lambda _: None,
        admission: Admission = NOTHING_MORE,
    ) -> None:
        self._admission = admission
        self._records = families.records
        self._families = families
        self._dispatch = dispatch
        self._share = surroundings.share
        self._surroundings = surroundings
        self._catalog = catalog
        self._defaults = defaults
        self._ended = ended
        self._earlier = EarlierOutput(
            self._records, surroundings.share, room=lambda coming: surroundings.check(coming=coming)
        )

    def check(self, *, coming: int) -> None:
        """Whether a job of so many bytes can be taken; raises WrongShare, Unavailable, StorageFull."""
        self._surroundings.check(coming=coming)

    def incoming(self) -> AbstractContextManager[Incoming]:
        """A place for the files of one request; gone on leaving unless `submit` adopted it. Raises as `check` does."""
        self._surroundings.check()
        return self._share.incoming()

    def hold(self, key_digest: str) -> Hold:
        """A grip on an Idempotency-Key, for `submit`; raises RequestInFlight on entering."""
        return Hold(self._records, key_digest)

    def submit(self, submission: Submission, incoming: Incoming, *, hold: Hold | None = None) -> Accepted:
        """Take a job. Once this returns it will be run; where it raises, nothing of it is left (but see StoreSilent).

        With a key that has made a job before, that job's answer.

        Raises:
            BadInput: naming what, where, and what is allowed.
            NotFound, NotReady, Conflict: of the earlier job whose output is its input.
            StoreUnavailable, StorageFull: try again later.
        """
        # Before anything is looked at: what was right then may be wrong now.
        if hold is not None and (earlier := hold.earlier(submission.fingerprint)):
            return Accepted.again(earlier.answer)
        job, warnings = submission.to_job(self._catalog, self._defaults, self._admission)
        # It may have been unmounted while the files came.
        self._surroundings.check_share_again()
        brought = self._earlier.bring(job, incoming, each=hold.refresh if hold is not None else lambda: None)
        job = with_inputs(job, [*submission.input_names, *([brought] if brought else [])])
        accepted = Accepted.new(job, warnings)
        incoming.describe(sent_text(job))
        if job.options.deduplicate:
            folder = self._share.content.adopt(incoming, job.id, submission.inputs)
        else:
            folder = incoming.adopt(job.id)
        bell = self._dispatch.message(bell_of(job))
        try:
            if hold is None:
                self._records.submit(job, bell)
            elif earlier := hold.submit(job, fingerprint=submission.fingerprint, answer=accepted.to_text(), bell=bell):
                folder.remove()
                return Accepted.again(earlier.answer)
        except StoreSilent:
            # The record may have been written: without its folder the job would fail.
            with suppress(SchedulerError, OSError):  # the disk is away as well: then a reconcile may run it once more
                StateFiles(folder).withdraw_sent()
            raise
        except BaseException:
            folder.remove()
            raise
        return accepted

    def report(self, job_id: JobId) -> JobReport:
        """All that is known of a job; raises JobNotFound."""
        return self._records.report(job_id)

    def records_of(self, job_ids: Sequence[JobId]) -> Mapping[JobId, Mapping[str, str]]:
        """The fields of these jobs' records, of those there are; raises StoreUnavailable."""
        if len(job_ids) > 1:
            return self._families.raw(job_ids)
        with suppress(JobNotFound):
            # A single question is spared while the store is silent: see Spared.
            return {job_id: self._records.record(job_id) for job_id in job_ids}
        return {}

    def large_result(self, report: JobReport) -> bytes | None:
        """JSON text in UTF-8 of a result that lies in a file; None for one that the report has itself.

        Raises:
            RecordError: the file is not there any more.
            WrongShare, Unavailable: the share is away.
        """
        if report.result_file is None:
            return None
        # On a share that is not mounted no file is there, and none is gone.
        self._surroundings.check_share()
        return Results(self._share).read(report.job.id, report.result_file)

    def whole(self, report: JobReport) -> JobReport:
        """The report with its result in it, wherever that lies; raises as `large_result` does."""
        if report.result_file is None:
            return report
        self._surroundings.check_share()
        return Results(self._share).filled(report)

    def children(self, job_id: JobId) -> list[JobId]:
        """The jobs that a job has started."""
        return sorted(self._families.children(job_id))

    def closely(self, job_id: JobId) -> JobReport:
        """All that is known of a job; while it waits for others, with a step for each of them. Raises JobNotFound."""
        report = self._records.report(job_id)
        if report.awaits is None:
            return report
        children = self._families.reports(self.children(job_id)[:MOST_STEPS])
        return replace(report, progress=progress_of(report, children.values()))

    def graph(self, job_id: JobId) -> Graph:
        """A job and all that began with it; raises JobNotFound."""
        return self._families.family(job_id, limit=_MOST_NODES)

    def list_jobs(self, wanted: JobFilter, *, limit: int, cursor: str | None) -> JobPage:
        """A page of jobs, newest first; raises BadInput for a cursor that is not ours."""
        return list_jobs(self._records, wanted, limit=limit, cursor=cursor)

    def load(self, queues: Sequence[str]) -> Load:
        """How much work these queues have; raises BadInput for what cannot be their names."""
        return load_of(self._records, queues)

    def cancel(self, job_id: JobId) -> JobReport:
        """End a job: at once while it waits, soon while it runs.

        Raises:
            JobNotFound: no such job.
            Conflict: it has ended already.
        """
        answer = self._records.cancel(job_id)
        if answer in (JobState.SUCCESS.value, JobState.FAILURE.value):
            raise Conflict(f"Job {job_id} has ended already: {answer}.")
        if answer == JobState.REVOKED.value:
            self._ended(job_id)
        return self._records.report(job_id)

    def delete(self, job_id: JobId) -> JobReport | None:
        """End a job and remove its files and its record: now, or as soon as its worker has stopped it.

        Returns:
            None where it is gone now; else the job that is being stopped.

        Raises:
            JobNotFound: no such job.
            WrongShare, Unavailable: its files are out of reach; nothing was done.
        """
        self._surroundings.check_share()
        if self._records.delete(job_id) == CANCELLING:
            return self._records.report(job_id)
        self._share.folder(job_id).remove()
        self._records.forget(job_id)
        return None

    def retry(self, job_id: JobId) -> JobReport:
        """Run a job that has ended once more, with the same inputs and a new history of attempts.

        Raises:
            JobNotFound: no such job.
            Conflict: it has not ended, is being removed, or its files are gone.
            WrongShare, Unavailable: its files are out of reach.
        """
        self._surroundings.check_share()
        report = self._records.report(job_id)
        inputs = report.job.inputs_of or job_id
        if report.job.script is not None and not self._share.folder(inputs).exists():
            raise Conflict(f"The files of job {inputs} are gone: send it anew.")
        try:
            with StateFiles(self._share.folder(job_id)).set_aside():
                answer = self._records.run_again(job_id, queue=report.job.options.queue, ended=report.stopped)
        finally:
            # Where it was refused, the end that was set aside is one.
            self._ended(job_id)
        if answer == DOOMED:
            raise Conflict(f"Job {job_id} is being removed.")
        if report.state.is_terminal and JobState(answer).is_terminal:
            raise Conflict(f"Job {job_id} has been run again already, and has ended anew.")
        if answer != JobState.SENT.value or not report.state.is_terminal:
            raise Conflict(f"Job {job_id} has not ended yet: {answer}. Only a job that has ended can be run again.")
        ring_if_possible(self._dispatch, report.job)
        return self._records.report(job_id)

    def waiting_for(self, report: JobReport) -> str | None:
        """What a job waits for, in words; None where it does not wait."""
        if not report.state.is_waiting:
            return None
        waiting = self._records.waiting(report.job.id)
        return None if waiting is None else waiting.in_words(report.queue)

    def troubles(self) -> dict[str, str]:
        """What keeps jobs from being taken, on the share's side, by part: `share`, `space`; empty where all is well."""
        try:
            self._surroundings.check_share()
            with self._share.incoming():
                pass
            self._surroundings.check()
        except StoreUnavailable:
            # That is told by whoever asks the store.
            return {}
        except StorageFull as error:
            return {"space": str(error)}
        except (SchedulerError, OSError) as error:
            return {"share": str(error)}
        return {}

    def processes(self) -> list[str]:
        """The named processes."""
        return self._catalog.names()

    def process_doc(self, name: str) -> str:
        """What a process says of itself; raises UnknownProcess, ProcessUndocumented."""
        return self._catalog.doc(name)
