"""Runs the command of a systemd unit as systemd would, as far as that goes without it as the first process.

`python unit_sandbox.py UNIT INSTANCE`, as root, in a mount namespace that may be changed. It holds: User,
EnvironmentFile, Environment, WorkingDirectory, UMask, StateDirectory, CacheDirectory, NoNewPrivileges, no capabilities,
ProtectSystem=strict with ReadWritePaths, ProtectHome, PrivateTmp, PrivateDevices, ProtectProc, ProcSubset,
ProtectKernelTunables, SystemCallFilter, RestrictNamespaces, RestrictAddressFamilies, RestrictRealtime
and MemoryDenyWriteExecute. Not: control groups, DeviceAllow, and what systemd does itself.
"""

import ctypes
import errno
import grp
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

Unit = dict[str, list[str]]

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQUAL, _MASKED_EQUAL = 4, 7
_WRITE_AND_EXECUTE = 0x2 | 0x4
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def read_unit(path: Path) -> Unit:
    """Its [Service] part; an empty value takes back what came before."""
    unit: Unit = {}
    section = ""
    for line in map(str.strip, path.read_text().splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            unit[name] = [*unit.get(name, []), value] if value else []
    return unit


def said(unit: Unit, name: str, default: str = "") -> str:
    """The last value of a name."""
    return (unit.get(name) or [default])[-1]


def environment_of(unit: Unit, instance: str) -> dict[str, str]:
    """Of plain NAME=value lines; another syntax of systemd's is refused."""
    found = dict(each.partition("=")[::2] for each in unit.get("Environment", []))
    for name in unit.get("EnvironmentFile", []):
        path = Path(name.removeprefix("-").replace("%i", instance))
        if name.startswith("-") and not path.exists():
            continue
        for line in path.read_text().splitlines():
            if line.strip() and line[0] not in "#;":
                assert re.fullmatch(r"[A-Z0-9_]+=[^\s\"'\\$#;]*", line), line
                found.update([line.partition("=")[::2]])
    return found


def main(unit_path: str, instance: str) -> None:
    """Become its command."""
    unit = read_unit(Path(unit_path))
    user = pwd.getpwnam(said(unit, "User"))
    writable = [path.removeprefix("-") for each in unit["ReadWritePaths"] for path in each.split()]
    for name, parent in (("StateDirectory", "/var/lib"), ("CacheDirectory", "/var/cache")):
        for folder in said(unit, name).split():
            path = Path(parent, folder)
            path.mkdir(exist_ok=True)
            os.chown(path, user.pw_uid, user.pw_gid)
            writable.append(str(path))
    filters = denied(unit)
    capabilities = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    sandbox(unit, writable)
    os.umask(int(said(unit, "UMask", "0022"), 8))
    os.chdir(said(unit, "WorkingDirectory", "/"))
    environment = {"PATH": os.defpath, "HOME": user.pw_dir, "USER": user.pw_name, "LANG": "C.UTF-8"}
    environment |= environment_of(unit, instance)
    os.setgroups([])
    group = grp.getgrnam(said(unit, "Group")).gr_gid
    os.setresgid(group, group, group)
    libc = ctypes.CDLL(None)
    assert unit["CapabilityBoundingSet"] == []
    for capability in range(capabilities + 1):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    # With the user the others go.
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    assert said(unit, "NoNewPrivileges") == "yes"
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    for load in filters:
        load()
    command = said(unit, "ExecStart").split()
    os.execve(command[0], command, environment)  # noqa: S606  (that is what it is for)


def sandbox(unit: Unit, writable: list[str]) -> None:
    """The file system as the unit sees it."""
    mount("--make-rprivate", "/")
    if said(unit, "PrivateTmp") == "yes":
        for folder in ("/tmp", "/var/tmp"):
            mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", folder)
        writable += ["/tmp", "/var/tmp"]
    if said(unit, "ProtectHome") == "yes":
        for folder in ("/home", "/root"):
            mount("-t", "tmpfs", "-o", "mode=0", "tmpfs", folder)
    if said(unit, "PrivateDevices") == "yes":
        private_devices()
    options = ["hidepid=invisible"] if said(unit, "ProtectProc") == "invisible" else []
    options += ["subset=pid"] if said(unit, "ProcSubset") == "pid" else []
    mount("-t", "proc", *(["-o", ",".join(options)] if options else []), "proc", "/proc")
    assert said(unit, "ProtectSystem") == "strict"
    for path in writable:
        mount("--bind", path, path)
    for point in mount_points():
        if not any(is_below(point, path) for path in (*writable, "/proc", "/dev", "/sys/fs/cgroup")):
            # What is above another mount, or gone, cannot be changed: nobody reaches it.
            subprocess.run(["mount", "-o", "remount,bind,ro", point], check=False, capture_output=True)
    if said(unit, "ProtectKernelTunables") == "yes" and Path("/proc/sys").exists():
        mount("--bind", "-o", "ro", "/proc/sys", "/proc/sys")


def private_devices() -> None:
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/mnt")
    for name in _DEVICES:
        device, copy = Path("/dev", name).stat(), Path("/mnt", name)
        os.mknod(copy, device.st_mode, device.st_rdev)
        copy.chmod(0o666)
    Path("/mnt/shm").mkdir()
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/mnt/shm")
    mount("--move", "/mnt", "/dev")


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def mount_points() -> list[str]:
    rows = Path("/proc/self/mountinfo").read_text().splitlines()
    return [row.split()[4].replace("\\040", " ") for row in rows]


def is_below(path: str, parent: str) -> bool:
    return path == parent or path.startswith(f"{parent}/")


class Comparison(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def denied(unit: Unit) -> list["Filter"]:
    """The filters of system calls, each loaded for itself: the strictest counts."""
    filters = []
    eperm = _ERRNO | errno.EPERM
    if said(unit, "RestrictNamespaces") == "yes":
        filters.append(Filter(_ALLOW, [("unshare", eperm, ()), ("setns", eperm, ())]))
    if said(unit, "MemoryDenyWriteExecute") == "yes":
        both = Comparison(2, _MASKED_EQUAL, _WRITE_AND_EXECUTE, _WRITE_AND_EXECUTE)
        execute = Comparison(2, _MASKED_EQUAL, 0x4, 0x4)
        filters.append(Filter(_ALLOW, [("mmap", eperm, (both,)), ("mprotect", eperm, (execute,))]))
    if said(unit, "RestrictRealtime") == "yes":
        policies = [Comparison(1, _EQUAL, policy, 0) for policy in (os.SCHED_FIFO, os.SCHED_RR)]
        filters.append(Filter(_ALLOW, [("sched_setscheduler", eperm, (policy,)) for policy in policies]))
    families = {getattr(socket, name) for name in said(unit, "RestrictAddressFamilies").split()}
    others = sorted(set(range(46)) - families)
    refused = _ERRNO | errno.EAFNOSUPPORT
    filters.append(Filter(_ALLOW, [("socket", refused, (Comparison(0, _EQUAL, family, 0),)) for family in others]))
    # The last one: after it no other may be loaded.
    return [*filters, calls_filter(unit)]


def calls_filter(unit: Unit) -> "Filter":
    """SystemCallFilter, by the sets of systemd itself."""
    allowed: set[str] = set()
    for line in unit["SystemCallFilter"]:
        names = calls_of(line.removeprefix("~").split())
        allowed = allowed - names if line.startswith("~") else allowed | names
    # systemd leaves these in every list.
    allowed |= calls_of(["@default"])
    return Filter(_ERRNO | errno.EPERM, [(name, _ALLOW, ()) for name in sorted(allowed)])


def calls_of(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        told = subprocess.run(
            ["systemd-analyze", "syscall-filter", "--no-pager", name], check=True, capture_output=True, text=True
        )
        lines = [line.strip() for line in told.stdout.splitlines()[1:]]
        found |= calls_of(line for line in lines if line and not line.startswith("#"))
    return found


class Filter:
    """One filter, loaded when called."""

    def __init__(self, default: int, rules: list[tuple[str, int, tuple[Comparison, ...]]]) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))
        for name, action, comparisons in rules:
            number = self._library.seccomp_syscall_resolve_name(name.encode())
            if number < 0:
                continue
            array = (Comparison * len(comparisons))(*comparisons)
            done = self._library.seccomp_rule_add_array(
                self._filter, ctypes.c_uint32(action), number, len(comparisons), array
            )
            assert done == 0, (name, done)

    def __call__(self) -> None:
        done = self._library.seccomp_load(self._filter)
        assert done == 0, done


if __name__ == "__main__":
    main(*sys.argv[1:])
