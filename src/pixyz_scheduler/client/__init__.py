"""The client: a scheduler's HTTP interface as Python. Needs httpx and nothing of the server.

from pixyz_scheduler.client import AsyncSchedulerClient, SchedulerClient
"""

from pixyz_scheduler.client.async_client import AsyncSchedulerClient
from pixyz_scheduler.client.client import SchedulerClient
from pixyz_scheduler.client.errors import (
    BadAddress,
    JobFailed,
    StillWorking,
    TransferFailed,
    UnexpectedAnswer,
    Unreachable,
)
from pixyz_scheduler.client.graph import Edge, Graph, Node
from pixyz_scheduler.client.job import AsyncJob, Job
from pixyz_scheduler.client.models import Attempt, JobDetails, JobState, Step, TimeInfo

__all__ = [
    "AsyncJob",
    "AsyncSchedulerClient",
    "Attempt",
    "BadAddress",
    "Edge",
    "Graph",
    "Job",
    "JobDetails",
    "JobFailed",
    "JobState",
    "Node",
    "SchedulerClient",
    "Step",
    "StillWorking",
    "TimeInfo",
    "TransferFailed",
    "UnexpectedAnswer",
    "Unreachable",
]
