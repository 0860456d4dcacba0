"""A disk of a given size: a tmpfs, mounted for one test."""

import subprocess

import pytest


def small_disk(path, size, request):
    """Mount it at `path` until the test has ended; skips, with the reason, where that is not allowed."""
    path.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.decode().strip()}")
    request.addfinalizer(lambda: subprocess.run(["umount", "-l", path], check=True))
    return path
