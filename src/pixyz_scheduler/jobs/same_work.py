"""Same work: the key under which a job's outputs answer another job, and which jobs have one."""

import hashlib
import json
import re
from collections.abc import Sequence

from pixyz_scheduler.jobs.job import Job

# Raised when the key takes in more or less: what was kept under another one is not found.
_FORMAT = 1
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def may_share(job: Job) -> bool:
    """Whether a job's outputs may be another's: it asks for that, they are its own, and its inputs are known before.

    A sub-task that writes among the outputs of the job that started it has none of its own; what a URL gives is known
    only once it is fetched.
    """
    return job.options.cache and job.outputs_of is None and job.options.input_url is None


def same_work(job: Job, *, program: str, code: str, inputs: Sequence[tuple[str, str]]) -> str:
    """The key of all that makes the outputs: jobs with the same one would do the same work.

    Not in it: id, name, times, priority, queue and limits, which say when and where.

    Args:
        job: its params known, also where they are what others have ended with.
        program: what runs it: engine, Python, packages.
        code: hash of the script, or of the processes.
        inputs: name and hash of each input, in order.

    Returns:
        64 hexadecimal digits.
    """
    options = job.options
    told = {
        "format": _FORMAT,
        "program": program,
        "process": job.process,
        "code": code,
        "entrypoint": options.entrypoint,
        "root_file": options.root_file,
        "raw": options.raw,
        "compute_only": options.compute_only,
        "input": job.input_file,
        "inputs": [list(pair) for pair in inputs],
        "params": json.loads(job.params),
        "context": json.loads(job.context),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def names_jobs(result: str, *, params: str) -> bool:
    """Whether a result (JSON) may name its own job, one that it has started, or a path in their folders.

    That would be true of no other job, and of nothing once those are gone. What the params brought is no job's own.
    """
    return not set(_UUID.findall(result)) <= set(_UUID.findall(params))
