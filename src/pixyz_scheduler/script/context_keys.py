"""The keys of ProgramContext, and what they hold where nobody says otherwise."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

DEFAULT_TIME_LIMIT = 3600

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "script": None,
        "data": None,
        "root_file": None,
        "entrypoint": "main",
        "params": None,
        "compute_only": False,
        "raw": False,
        "tmp": False,
        "is_local": False,
        "time_request": None,
        "task_id": None,
        "time_limit": DEFAULT_TIME_LIMIT,
        "queue": None,
        "retry": 0,
        "input_dir": None,
        "input_file": None,
        "output_dir": None,
        "shadow": None,
        "task": None,
    }
)

STANDARD = frozenset({*DEFAULTS, "progress"})
"""The keys that every context has; `progress` belongs to the process."""

EXECUTE = "pixyz_worker.tasks.pixyz_execute"
"""The name of the task of sub-tasks."""

ADDED_BY_US = frozenset({"calls"})
"""`calls`: the params are several calls, for one job (chunks)."""
