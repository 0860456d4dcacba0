"""Job and AsyncJob: a job together with the client to ask about it."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol, TypeVar

from pixyz_scheduler.client.models import JobDetails, JobRef, JobState
from pixyz_scheduler.client.waiting import succeeded

T = TypeVar("T")


class _Client(Protocol):
    """What a Job asks of its client."""

    def details(self, job: JobRef) -> JobDetails: ...
    def wait(
        self, job: JobRef, *, on_change: Callable[[JobDetails], None] | None = None, timeout: float | None = None
    ) -> JobDetails: ...
    def outputs(self, job: JobRef) -> tuple[str, ...]: ...
    def download_outputs(self, job: JobRef, to: str | Path) -> tuple[Path, ...]: ...
    def cancel(self, job: JobRef) -> JobState: ...
    def delete(self, job: JobRef) -> bool: ...


class _AsyncClient(Protocol):
    """What an AsyncJob asks of its client."""

    async def details(self, job: JobRef) -> JobDetails: ...
    async def wait(
        self, job: JobRef, *, on_change: Callable[[JobDetails], None] | None = None, timeout: float | None = None
    ) -> JobDetails: ...
    async def outputs(self, job: JobRef) -> tuple[str, ...]: ...
    async def download_outputs(self, job: JobRef, to: str | Path) -> tuple[Path, ...]: ...
    async def cancel(self, job: JobRef) -> JobState: ...
    async def delete(self, job: JobRef) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Job(JobDetails):
    """A job as the server last told of it; every method asks anew and gives what it is then."""

    client: _Client = field(repr=False, compare=False)

    def refresh(self) -> "Job":
        """The job as it stands now."""
        return with_client(Job, self.client.details(self), self.client)

    def wait(
        self,
        *,
        on_change: Callable[[JobDetails], None] | None = None,
        timeout: float | None = None,
        check: bool = True,
    ) -> "Job":
        """The job at its end. Raises JobFailed where that is no success, unless `check` is false."""
        ended = self.client.wait(self, on_change=on_change, timeout=timeout)
        return with_client(Job, succeeded(ended) if check else ended, self.client)

    def outputs(self) -> tuple[str, ...]:
        """The relative paths of its files."""
        return self.client.outputs(self)

    def download(self, to: str | Path) -> tuple[Path, ...]:
        """Fetch all its files into a folder; where they lie."""
        return self.client.download_outputs(self, to)

    def cancel(self) -> JobState:
        """Ask for its end."""
        return self.client.cancel(self)

    def delete(self) -> bool:
        """Have it removed with its files; whether it is gone already."""
        return self.client.delete(self)


@dataclass(frozen=True, kw_only=True)
class AsyncJob(JobDetails):
    """A Job whose methods are awaited."""

    client: _AsyncClient = field(repr=False, compare=False)

    async def refresh(self) -> "AsyncJob":
        """As Job.refresh."""
        return with_client(AsyncJob, await self.client.details(self), self.client)

    async def wait(
        self,
        *,
        on_change: Callable[[JobDetails], None] | None = None,
        timeout: float | None = None,
        check: bool = True,
    ) -> "AsyncJob":
        """As Job.wait."""
        ended = await self.client.wait(self, on_change=on_change, timeout=timeout)
        return with_client(AsyncJob, succeeded(ended) if check else ended, self.client)

    async def outputs(self) -> tuple[str, ...]:
        """As Job.outputs."""
        return await self.client.outputs(self)

    async def download(self, to: str | Path) -> tuple[Path, ...]:
        """As Job.download."""
        return await self.client.download_outputs(self, to)

    async def cancel(self) -> JobState:
        """As Job.cancel."""
        return await self.client.cancel(self)

    async def delete(self) -> bool:
        """As Job.delete."""
        return await self.client.delete(self)


def with_client(kind: Callable[..., T], state: JobState, client: object) -> T:
    """A Job or AsyncJob of what the server told."""
    told = {each.name: getattr(state, each.name) for each in fields(state) if each.name != "client"}
    return kind(**told, client=client)
