"""The structures and numbers of Windows' Job Objects, as `winnt.h` has them; for 32 and 64 bits, on any system.

Widths are spelled out: `ctypes.wintypes.DWORD` is a `long`, which elsewhere has another width.
"""

import ctypes

LIMIT_DIE_ON_UNHANDLED_EXCEPTION = 0x400
LIMIT_JOB_MEMORY = 0x200
LIMIT_KILL_ON_JOB_CLOSE = 0x2000

# JOBOBJECTINFOCLASS
BASIC_PROCESS_ID_LIST = 3
ASSOCIATE_COMPLETION_PORT = 7
EXTENDED_LIMIT_INFORMATION = 9

# Messages of a job at its completion port: that of its whole memory limit.
MSG_JOB_MEMORY_LIMIT = 10

# For CreateProcess.
CREATE_SUSPENDED = 0x4
CREATE_NEW_PROCESS_GROUP = 0x200
CREATE_NO_WINDOW = 0x08000000

PROCESS_TERMINATE = 0x1
PROCESS_SET_QUOTA = 0x100

_DWORD, _QUAD, _SIZE = ctypes.c_uint32, ctypes.c_int64, ctypes.c_size_t


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", _QUAD),
        ("PerJobUserTimeLimit", _QUAD),
        ("LimitFlags", _DWORD),
        ("MinimumWorkingSetSize", _SIZE),
        ("MaximumWorkingSetSize", _SIZE),
        ("ActiveProcessLimit", _DWORD),
        ("Affinity", _SIZE),
        ("PriorityClass", _DWORD),
        ("SchedulingClass", _DWORD),
    )
    LimitFlags: int


class IoCounters(ctypes.Structure):
    """IO_COUNTERS."""

    _fields_ = tuple(
        (f"{what}{unit}Count", ctypes.c_uint64)
        for unit in ("Operation", "Transfer")
        for what in ("Read", "Write", "Other")
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; memory in bytes that are committed."""

    _fields_ = (
        ("BasicLimitInformation", BasicLimits),
        ("IoInfo", IoCounters),
        ("ProcessMemoryLimit", _SIZE),
        ("JobMemoryLimit", _SIZE),
        ("PeakProcessMemoryUsed", _SIZE),
        ("PeakJobMemoryUsed", _SIZE),
    )
    BasicLimitInformation: BasicLimits
    JobMemoryLimit: int
    PeakJobMemoryUsed: int


class CompletionPort(ctypes.Structure):
    """JOBOBJECT_ASSOCIATE_COMPLETION_PORT."""

    _fields_ = (("CompletionKey", ctypes.c_void_p), ("CompletionPort", ctypes.c_void_p))
    CompletionKey: int
    CompletionPort: int


_MOST_PIDS = 4096


class ProcessIds(ctypes.Structure):
    """JOBOBJECT_BASIC_PROCESS_ID_LIST, with room for so many."""

    _fields_ = (
        ("NumberOfAssignedProcesses", _DWORD),
        ("NumberOfProcessIdsInList", _DWORD),
        ("ProcessIdList", _SIZE * _MOST_PIDS),
    )
    NumberOfProcessIdsInList: int
    ProcessIdList: "ctypes.Array[ctypes.c_size_t]"
