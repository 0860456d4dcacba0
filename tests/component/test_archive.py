"""The zip of a job's outputs: whole, current, made once."""

import json
import os
import subprocess
import threading
import time
import uuid
import zipfile
from contextlib import suppress

import pytest

from pixyz_scheduler.errors import JobNotFound, StorageFull, UnsafePath
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.script.chores import ARCHIVE
from pixyz_scheduler.storage.archive import current, manifest, pack
from pixyz_scheduler.storage.share import Share
from tests.fakes.small_disk import small_disk

JOB = "0b1c2d3e-0000-4000-8000-00000000000a"


@pytest.fixture
def folder(tmp_path):
    tmp_path.joinpath("share").mkdir()
    folder = Share(tmp_path / "share").make_folder(JOB)
    fill(folder)
    return folder


def fill(folder):
    (folder.outputs / "deep" / "er").mkdir(parents=True)
    (folder.outputs / "deep" / "er" / "a.obj").write_bytes(b"v 0 0 0\n" * 1000)
    (folder.outputs / "b.png").write_bytes(b"p" * 1000)


def only(folder):
    return sorted(path.name for path in folder.archives.iterdir())


def test_outputs_are_packed_by_relative_names_in_order(folder):
    path = pack(folder)
    assert path == folder.archive_path
    assert only(folder) == [f"{JOB}.zip"]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        members = archive.infolist()
    assert [(member.filename, member.compress_type) for member in members] == [
        ("b.png", zipfile.ZIP_STORED),
        ("deep/er/a.obj", zipfile.ZIP_DEFLATED),
    ]
    assert members[1].compress_size < members[1].file_size / 10


def test_the_same_outputs_give_the_same_bytes(folder):
    first = pack(folder).read_bytes()
    folder.archive_path.unlink()
    assert pack(folder).read_bytes() == first


def test_a_current_archive_is_taken_as_it_is(folder):
    assert current(folder) is None
    first = pack(folder).stat().st_ino
    assert current(folder) == folder.archive_path
    assert pack(folder).stat().st_ino == first


@pytest.mark.parametrize("change", ["new", "written", "renamed", "gone"])
def test_changed_outputs_change_the_manifest_and_are_packed_anew(folder, change):
    before, old = manifest(folder), pack(folder).stat().st_ino
    file = folder.outputs / "b.png"
    match change:
        case "new":
            (folder.outputs / "c").touch()
        case "written":
            os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
        case "renamed":
            file.rename(folder.outputs / "c.png")
        case "gone":
            file.unlink()
    assert manifest(folder) != before
    assert current(folder) is None
    assert pack(folder).stat().st_ino != old
    with zipfile.ZipFile(folder.archive_path) as archive:
        assert archive.namelist() == folder.list_outputs()


def test_no_outputs_are_an_empty_archive(folder):
    for name in folder.list_outputs():
        (folder.outputs / name).unlink()
    with zipfile.ZipFile(pack(folder)) as archive:
        assert archive.namelist() == []


def test_an_unknown_job_has_no_archive_and_gets_no_folder(folder):
    other = Share(folder.share).folder("ffffffff-0000-4000-8000-00000000000a")
    assert current(other) is None
    with pytest.raises(JobNotFound):
        pack(other)
    assert not other.exists()


def test_links_that_leave_are_not_packed(folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder.outputs / "out").symlink_to(tmp_path / "secret")
    with zipfile.ZipFile(pack(folder)) as archive:
        assert archive.namelist() == ["b.png", "deep/er/a.obj"]


def test_an_archive_that_the_script_linked_away_is_not_taken_nor_written_through(folder, tmp_path):
    pack(folder).rename(tmp_path / "elsewhere.zip")
    folder.archive_path.symlink_to(tmp_path / "elsewhere.zip")
    assert current(folder) is None
    assert not pack(folder).is_symlink()
    folder.archives.rename(tmp_path / "archives")
    folder.archives.symlink_to(tmp_path / "archives")
    (folder.outputs / "new").touch()
    with pytest.raises(UnsafePath):
        pack(folder)


def test_old_and_future_times_fit_into_a_zip(folder):
    os.utime(folder.outputs / "b.png", (0, 0))
    os.utime(folder.outputs / "deep" / "er" / "a.obj", (9e9, 9e9))
    with zipfile.ZipFile(pack(folder)) as archive:
        assert [member.date_time[0] for member in archive.infolist()] == [1980, 2107]


def test_whoever_looks_while_it_is_made_sees_nothing_or_a_whole_archive(folder):
    (folder.outputs / "big.bin").write_bytes(os.urandom(8 << 20))
    done, seen = threading.Event(), []

    def look():
        while not done.is_set():
            with suppress(FileNotFoundError), zipfile.ZipFile(folder.archive_path) as archive:
                seen.append(archive.namelist())

    watcher = threading.Thread(target=look)
    watcher.start()
    packers = [threading.Thread(target=pack, args=(folder,)) for _ in range(4)]
    for packer in packers:
        packer.start()
    for packer in packers:
        packer.join()
    done.set()
    watcher.join()
    # BadZipFile in the watcher would have failed the test as an unhandled thread exception.
    assert all(names == ["b.png", "big.bin", "deep/er/a.obj"] for names in seen)
    assert only(folder) == [f"{JOB}.zip"]


def test_what_a_killed_packer_left_is_removed_when_it_is_old(folder):
    folder.archives.mkdir()
    left, fresh = folder.archives / ".x.part", folder.archives / ".y.part"
    left.touch()
    fresh.touch()
    os.utime(left, (time.time() - 7200,) * 2)
    pack(folder)
    assert only(folder) == [".y.part", f"{JOB}.zip"]


def test_a_full_disk_leaves_no_part_of_an_archive(tmp_path, request):
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.decode().strip()}")
    request.addfinalizer(lambda: subprocess.run(["umount", disk], check=True))
    folder = Share(disk).make_folder(JOB)
    (folder.outputs / "a.bin").write_bytes(os.urandom(700_000))
    with pytest.raises(StorageFull, match=f"No room left for {JOB}.zip"):
        pack(folder)
    assert only(folder) == []
    assert current(folder) is None


def test_the_job_that_makes_it_ends_in_an_error_that_names_what_hindered_it(fork_bench, request):
    """The API answers by that name: 507 for a full disk, and no leftover."""
    small_disk(fork_bench.share.root, "2m", request)
    made = fork_bench.share.make_folder(JOB)
    (made.outputs / "a.png").write_bytes(os.urandom(1_500_000))
    chore = Job(
        JobId(str(uuid.uuid4())),
        ARCHIVE,
        JobOptions(queue="zip", compute_only=True),
        submitted=0.0,
        params=json.dumps({"share": str(fork_bench.share.root), "job": JOB}),
    )
    fork_bench.records.submit(chore)
    report = fork_bench.execution.run(chore.id, queue="zip")
    assert report.state is JobState.FAILURE
    assert report.error.startswith("StorageFull: No room left for")
    assert list(made.archives.iterdir()) == []
