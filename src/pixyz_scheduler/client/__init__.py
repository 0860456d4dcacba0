"""The client: a scheduler's HTTP interface as Python. Needs httpx and nothing of the server.

from pixyz_scheduler.client import SchedulerClient
"""

from pixyz_scheduler.client.client import SchedulerClient
from pixyz_scheduler.client.errors import BadAddress, StillWorking, TransferFailed, UnexpectedAnswer, Unreachable
from pixyz_scheduler.client.models import Attempt, JobDetails, JobState, Step, TimeInfo

__all__ = [
    "Attempt",
    "BadAddress",
    "JobDetails",
    "JobState",
    "SchedulerClient",
    "Step",
    "StillWorking",
    "TimeInfo",
    "TransferFailed",
    "UnexpectedAnswer",
    "Unreachable",
]
