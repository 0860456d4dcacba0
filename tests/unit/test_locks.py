"""Locks that end with their holder: flock for real, Windows' calls by a stand-in that locks as those do."""

import fcntl
import os

import pytest

from pixyz_scheduler.storage.locks import lock, lock_byte, lock_file, open_to_lock


class Msvcrt:
    """`locking` of the module of that name: it never waits here, but says how often it would have."""

    LK_LOCK, LK_NBLCK = 1, 2

    def __init__(self, *, after=0):
        self.waited = 0
        self._after = after

    def locking(self, descriptor, mode, count):
        assert (count, os.lseek(descriptor, 0, os.SEEK_CUR)) == (1, 0)
        if mode == self.LK_LOCK and self.waited < self._after:
            self.waited += 1
            raise OSError(36, "Resource deadlock avoided")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None


@pytest.fixture
def two(tmp_path):
    opened = [os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT) for _ in range(2)]
    yield opened
    for descriptor in opened:
        os.close(descriptor)


def test_one_holds_a_lock_and_many_a_shared_one(two):
    first, second = two
    assert lock(first)
    assert not lock(second)
    assert not lock(second, shared=True)
    assert lock(first, shared=True)
    assert lock(second, shared=True)
    assert not lock(second)


def test_windows_byte_is_held_by_one(two):
    first, second = two
    os.lseek(first, 5, os.SEEK_SET)
    assert lock_byte(Msvcrt(), first, wait=False)
    assert not lock_byte(Msvcrt(), second, wait=False)


def test_who_waits_for_windows_byte_asks_again_when_the_system_gives_up(two):
    calls = Msvcrt(after=3)
    assert lock_byte(calls, two[0], wait=True)
    assert calls.waited == 3


def test_a_folder_is_locked_by_itself_or_by_one_file_for_both_its_names(tmp_path):
    folder, unborn = tmp_path / "folder", tmp_path / ".folder"
    folder.mkdir()
    opened = [open_to_lock(folder, by_folder=True), open_to_lock(folder, by_folder=False)]
    try:
        assert os.path.samestat(os.fstat(opened[0]), folder.stat())
        assert os.path.samestat(os.fstat(opened[1]), (tmp_path / "folder.lock").stat())
        assert lock_file(folder) == lock_file(unborn) == tmp_path / "folder.lock"
    finally:
        for descriptor in opened:
            os.close(descriptor)
