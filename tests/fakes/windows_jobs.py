"""Kernel32's Job Objects in memory, as Windows documents them: for what decides by them. It starts no process."""

import ctypes
from collections import Counter

from pixyz_scheduler.worker.isolation import job_structures as win


class WindowsJobs:
    """See job_object.Calls. Processes are numbers; each stands still until it was resumed as often as suspended.

    Attributes:
        alive: who lives.
        fails: the names of calls that raise.
    """

    def __init__(self, *, alive=(), fails=()):
        self.alive = set(alive)
        self._suspensions = Counter()
        self.handles = {}
        self.fails = set(fails)
        self._next = 100

    def create_job(self):
        self._check("create_job")
        return self._new({"pids": [], "limits": win.ExtendedLimits(), "committed": {}, "peak": 0, "port": None})

    def create_port(self):
        self._check("create_port")
        return self._new({"messages": []})

    def set_information(self, job, kind, information):
        self._check("set_information")
        if kind == win.ASSOCIATE_COMPLETION_PORT:
            self.handles[job]["port"] = information.CompletionPort
        else:
            assert (kind, type(information)) == (win.EXTENDED_LIMIT_INFORMATION, win.ExtendedLimits)
            self.handles[job]["limits"] = win.ExtendedLimits.from_buffer_copy(information)

    def query_information(self, job, kind, information):
        if kind == win.BASIC_PROCESS_ID_LIST:
            pids = self.handles[job]["pids"]
            information.NumberOfAssignedProcesses = information.NumberOfProcessIdsInList = len(pids)
            for place, pid in enumerate(pids):
                information.ProcessIdList[place] = pid
        else:
            assert kind == win.EXTENDED_LIMIT_INFORMATION
            ctypes.memmove(
                ctypes.addressof(information),
                ctypes.addressof(self.handles[job]["limits"]),
                ctypes.sizeof(win.ExtendedLimits),
            )
            information.PeakJobMemoryUsed = self.handles[job]["peak"]

    def assign(self, job, pid):
        self._check("assign")
        if pid not in self.alive:
            raise OSError(87, "The parameter is incorrect")
        self.handles[job]["pids"].append(pid)

    def terminate(self, job, status):
        assert status
        self._end(self.handles[job])

    def next_message(self, port):
        messages = self.handles[port]["messages"]
        return messages.pop(0) if messages else None

    def close(self, handle):
        gone = self.handles.pop(handle)
        if "pids" in gone and gone["limits"].BasicLimitInformation.LimitFlags & win.LIMIT_KILL_ON_JOB_CLOSE:
            self._end(gone)

    def start(self, pid, *, by=None):
        """A process begins; in the job of the one that starts it."""
        self.alive.add(pid)
        for job in self._jobs():
            if by in job["pids"]:
                job["pids"].append(pid)

    def commit(self, pid, size):
        """It asks for so many bytes; whether it gets them."""
        for job in self._jobs():
            if pid in job["pids"]:
                limits, total = job["limits"], sum(job["committed"].values()) + size
                if limits.BasicLimitInformation.LimitFlags & win.LIMIT_JOB_MEMORY and total > limits.JobMemoryLimit:
                    self.handles[job["port"]]["messages"].append(win.MSG_JOB_MEMORY_LIMIT)
                    return False
                job["committed"][pid] = job["committed"].get(pid, 0) + size
                job["peak"] = max(job["peak"], total)
        return True

    def say(self, number):
        """A message of another kind comes at every port."""
        for kept in self.handles.values():
            kept.get("messages", []).append(number)

    @property
    def suspended(self):
        return {pid for pid in self.alive if self._suspensions[pid]}

    def suspend(self, pids):
        self._suspensions.update(pids)

    def resume(self, pids):
        for pid in pids:
            self._suspensions[pid] = max(0, self._suspensions[pid] - 1)

    def _jobs(self):
        return [kept for kept in self.handles.values() if "pids" in kept]

    def _end(self, job):
        self.alive -= set(job["pids"])
        job["pids"].clear()
        job["committed"].clear()

    def _new(self, kept):
        self._next += 1
        self.handles[self._next] = kept
        return self._next

    def _check(self, name):
        if name in self.fails:
            raise OSError(5, f"{name}: access is denied")
