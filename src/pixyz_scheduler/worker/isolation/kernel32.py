"""Kernel32: the calls for Job Objects, for real; on Windows alone, though it can be imported anywhere."""

import ctypes
from typing import Any

from pixyz_scheduler.worker.isolation.job_structures import PROCESS_SET_QUOTA, PROCESS_TERMINATE

_INVALID_HANDLE = ctypes.c_void_p(-1).value
_WAIT_TIMEOUT = 258
_MORE_DATA = 234
_HANDLE, _DWORD, _BOOL = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int


class Kernel32:
    """See job_object.Calls."""

    def __init__(self) -> None:
        # Not everywhere has ctypes these names.
        windows: Any = ctypes
        self._calls = windows.WinDLL("kernel32", use_last_error=True)
        self._error = windows.WinError
        self._last = windows.get_last_error
        for name, (result, *arguments) in _SIGNATURES.items():
            call = getattr(self._calls, name)
            call.restype, call.argtypes = result, arguments

    def create_job(self) -> int:
        """See JobCalls."""
        return int(self._checked(self._calls.CreateJobObjectW(None, None)))

    def set_information(self, job: int, kind: int, information: ctypes.Structure) -> None:
        """See JobCalls."""
        size = ctypes.sizeof(information)
        self._checked(self._calls.SetInformationJobObject(job, kind, ctypes.byref(information), size))

    def query_information(self, job: int, kind: int, information: ctypes.Structure) -> None:
        """See JobCalls."""
        size = ctypes.sizeof(information)
        told = self._calls.QueryInformationJobObject(job, kind, ctypes.byref(information), size, None)
        if not told and self._last() == _MORE_DATA:
            return  # of more processes than have room there it tells as many as have
        self._checked(told)

    def assign(self, job: int, pid: int) -> None:
        """See JobCalls."""
        process = self._checked(self._calls.OpenProcess(PROCESS_SET_QUOTA | PROCESS_TERMINATE, 0, pid))
        try:
            self._checked(self._calls.AssignProcessToJobObject(job, process))
        finally:
            self.close(process)

    def terminate(self, job: int, status: int) -> None:
        """See JobCalls."""
        self._checked(self._calls.TerminateJobObject(job, status))

    def create_port(self) -> int:
        """See PortCalls."""
        return int(self._checked(self._calls.CreateIoCompletionPort(_INVALID_HANDLE, None, 0, 1)))

    def next_message(self, port: int) -> int | None:
        """See PortCalls."""
        message, key, about = _DWORD(), ctypes.c_size_t(), ctypes.c_void_p()
        found = self._calls.GetQueuedCompletionStatus(
            port, ctypes.byref(message), ctypes.byref(key), ctypes.byref(about), 0
        )
        if not found and self._last() == _WAIT_TIMEOUT:
            return None
        self._checked(found)
        return message.value

    def close(self, handle: int) -> None:
        """See PortCalls."""
        self._checked(self._calls.CloseHandle(handle))

    def _checked(self, result: Any) -> Any:
        if not result:
            raise self._error(self._last())
        return result


# Result, then arguments: without them a handle of 64 bits is cut to 32.
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "CreateJobObjectW": (_HANDLE, ctypes.c_void_p, ctypes.c_wchar_p),
    "SetInformationJobObject": (_BOOL, _HANDLE, ctypes.c_int, ctypes.c_void_p, _DWORD),
    "QueryInformationJobObject": (_BOOL, _HANDLE, ctypes.c_int, ctypes.c_void_p, _DWORD, ctypes.c_void_p),
    "OpenProcess": (_HANDLE, _DWORD, _BOOL, _DWORD),
    "AssignProcessToJobObject": (_BOOL, _HANDLE, _HANDLE),
    "TerminateJobObject": (_BOOL, _HANDLE, ctypes.c_uint),
    "CreateIoCompletionPort": (_HANDLE, _HANDLE, _HANDLE, ctypes.c_size_t, _DWORD),
    "GetQueuedCompletionStatus": (_BOOL, _HANDLE, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, _DWORD),
    "CloseHandle": (_BOOL, _HANDLE),
}
