"""Imports all of our modules as on another system, as far as an import can tell: without what that system lacks.

    python look_as_elsewhere.py win32|darwin [MODULE ...]

The modules named are those that are not for that system. It prints, as JSON, what failed; which of the named ones
others have dragged in; how many went well; and which cannot be had here either, for want of an optional package.
Packages of others are loaded before, as they are here: what they would do there is theirs.
"""

import errno
import importlib
import importlib.util
import json
import os
import pathlib
import select
import signal
import socket
import sys
import time

OURS = ("pixyz_scheduler", "pixyz_worker")
POSIX_ONLY = ["fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop"]
# As Python's documentation says of each, under "Availability".
LINUX_NAMES = {
    os: """copy_file_range eventfd getxattr listxattr memfd_create MFD_CLOEXEC O_TMPFILE pidfd_open posix_fadvise
        POSIX_FADV_DONTNEED sched_getaffinity sched_setaffinity setns setxattr splice unshare getresuid""",
    signal: "SIGPWR SIGSTKFLT SIGRTMIN SIGRTMAX sigtimedwait sigwaitinfo pidfd_send_signal",
    socket: "SOCK_CLOEXEC SOCK_NONBLOCK SO_PEERCRED MSG_CMSG_CLOEXEC AF_NETLINK AF_VSOCK AF_ALG",
    select: "epoll EPOLLIN EPOLLOUT EPOLLHUP",
    errno: "EMEDIUMTYPE ENOMEDIUM EREMOTEIO ERESTART",
    time: "CLOCK_BOOTTIME",
}
WINDOWS_LACKS = {
    os: """chown chroot confstr ctermid environb fchdir fchmod fchown fdatasync fork forkpty fpathconf fstatvfs
        getegid geteuid getgid getgrouplist getgroups getloadavg getpgid getpgrp getpriority getsid getuid initgroups
        killpg lchown lockf major makedev minor mkfifo mknod nice openpty O_CLOEXEC O_DIRECTORY O_DSYNC O_NDELAY
        O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC pathconf pipe2 posix_fallocate posix_spawn posix_spawnp pread preadv
        pwrite pwritev readv register_at_fork sched_yield sendfile setegid seteuid setgid setgroups setpgid
        setpriority setregid setreuid setsid setuid statvfs sync sysconf sysconf_names tcgetpgrp tcsetpgrp ttyname
        uname wait wait3 wait4 waitid WCONTINUED WEXITED WEXITSTATUS WIFEXITED WIFSIGNALED WNOHANG WTERMSIG writev
        get_blocking set_blocking""",
    signal: """alarm getitimer ITIMER_REAL pause pthread_kill pthread_sigmask setitimer SIGALRM SIGBUS SIGCHLD SIGCONT
        SIGHUP SIGKILL SIGPIPE SIGPROF SIGQUIT siginterrupt sigpending SIGSTOP SIGSYS SIGTRAP SIGTSTP SIGTTIN SIGTTOU
        SIGURG SIGUSR1 SIGUSR2 SIGVTALRM sigwait SIGWINCH SIGXCPU SIGXFSZ SIG_BLOCK SIG_SETMASK SIG_UNBLOCK""",
    socket: """AF_UNIX CMSG_LEN CMSG_SPACE recv_fds SCM_RIGHTS send_fds sethostname SOCK_SEQPACKET SO_REUSEPORT
        MSG_DONTWAIT MSG_NOSIGNAL""",
    select: "poll POLLIN POLLOUT POLLHUP POLLERR PIPE_BUF",
    errno: "ECHRNG EMULTIHOP ENOTBLK ENOTUNIQ",
    time: "clock_gettime CLOCK_MONOTONIC pthread_getcpuclockid tzset",
}


def ours():
    names = []
    for package in OURS:
        folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
        names += [package, *(_name(path, folder) for path in folder.rglob("*.py") if path.name != "__init__.py")]
    return sorted(name for name in names if not name.endswith("__main__"))


def _name(path, package):
    return ".".join(path.relative_to(package.parent).with_suffix("").parts)


def become(platform):
    """From here on this interpreter looks as one of that system, to whoever asks it on import."""
    lacks = [LINUX_NAMES, WINDOWS_LACKS] if platform == "win32" else [LINUX_NAMES]
    for table in lacks:
        for module, names in table.items():
            for name in names.split():
                if hasattr(module, name):
                    delattr(module, name)
    if platform == "win32":
        for name in POSIX_ONLY:
            sys.modules[name] = None
        os.name = "nt"
        for module in (pathlib, sys.modules.get("pathlib._local", pathlib)):
            module.WindowsPath = module.PosixPath
    sys.platform = platform


def _is_to_be_had(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in OURS:
            raise
        return False
    return True


def main():
    platform, *absent = sys.argv[1:]
    wanted, without = [], []
    for name in ours():
        (wanted if _is_to_be_had(name) else without).append(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    become(platform)
    failed, well = {}, []
    for name in wanted:
        if name not in absent:
            try:
                importlib.import_module(name)
                well.append(name)
            except Exception as error:  # noqa: BLE001  (whatever it is, it is what we ask)
                failed[name] = repr(error)
    dragged = [name for name in absent if name in sys.modules]
    print(json.dumps({"failed": failed, "dragged": dragged, "well": len(well), "without": without}))


if __name__ == "__main__":
    main()
