"""Outputs that two jobs have: by hard links or copies, all or none, and parted before one of them writes."""

import os
import stat
import tempfile
import uuid
from pathlib import Path

import pytest

from pixyz_scheduler.errors import LeaseLost
from pixyz_scheduler.storage.archive import manifest
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.shared_outputs import share_outputs, unshare
from tests.conftest import missing


def folder_on(root):
    share = Share(root)
    return share.make_folder(str(uuid.uuid4()))


@pytest.fixture
def source(tmp_path):
    folder = folder_on(tmp_path)
    (folder.outputs / "a").mkdir()
    (folder.outputs / "a" / "b.txt").write_text("b")
    (folder.outputs / "c.txt").write_text("c")
    (folder.outputs / "same.txt").symlink_to("c.txt")
    return folder


@pytest.fixture
def target(tmp_path):
    return folder_on(tmp_path)


def share(source, target, *, fit=lambda: None):
    return share_outputs(source, target, as_of=manifest(source), fit=fit)


def no_more(folder):
    """Nothing of an attempt to share is left."""
    return {path.name for path in folder.path.iterdir()} <= {"inputs", "outputs"}


def test_all_of_them_are_shared_and_nobody_writes_to_them(source, target):
    assert share(source, target)
    assert target.list_outputs() == source.list_outputs() == ["a/b.txt", "c.txt", "same.txt"]
    assert manifest(target) == manifest(source)
    for name in target.list_outputs():
        assert not target.output(name).stat().st_mode & 0o222
        assert target.output(name).samefile(source.output(name))
    assert stat.S_IMODE(target.outputs.stat().st_mode) == stat.S_IMODE(source.outputs.stat().st_mode)
    assert no_more(target)


def test_a_second_time_they_are_there_already(source, target):
    assert share(source, target)
    assert share(source, target)


def test_what_is_there_already_is_kept(source, target):
    (target.outputs / "mine.txt").write_text("mine")
    assert not share(source, target)
    assert target.list_outputs() == ["mine.txt"]


def test_what_is_written_in_the_last_moment_is_kept(source, target):
    assert not share(source, target, fit=lambda: (target.outputs / "mine.txt").write_text("mine"))
    assert target.list_outputs() == ["mine.txt"]
    assert no_more(target)


def test_whoever_has_lost_the_job_touches_nothing(source, target):
    def lost():
        raise LeaseLost("gone")

    with pytest.raises(LeaseLost):
        share(source, target, fit=lost)
    assert target.list_outputs() == []
    assert no_more(target)


def test_outputs_that_are_not_as_they_were_are_not_shared(source, target):
    before = manifest(source)
    (source.outputs / "new.txt").write_text("new")
    assert not share_outputs(source, target, as_of=before, fit=lambda: None)
    assert target.list_outputs() == []


def test_a_name_that_is_no_text_is_not_shared(source, target):
    try:
        Path(os.fsdecode(os.fsencode(source.outputs) + b"/\xff.txt")).write_text("x")
    except OSError as error:
        missing(f"a disk whose names are bytes: {error}")
    assert not share(source, target)
    assert target.list_outputs() == []
    assert no_more(target)


def test_a_job_without_a_folder_takes_only_what_has_no_files(source, tmp_path):
    nowhere = Share(tmp_path).folder(str(uuid.uuid4()))
    assert not share(source, nowhere)
    assert share(folder_on(tmp_path), nowhere)
    assert not nowhere.path.exists()


def test_where_there_are_no_links_between_the_two_they_are_copied(source):
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as other:
        target = folder_on(Path(other))
        if target.path.stat().st_dev == source.path.stat().st_dev:
            missing("a second disk")
        assert share(source, target)
        assert manifest(target) == manifest(source)
        assert target.output("a/b.txt").read_text() == "b"
        assert target.output("a/b.txt").stat().st_mode & stat.S_IWUSR
        assert source.output("a/b.txt").stat().st_nlink == 1


@pytest.mark.parametrize("which", ["who gave", "who took"])
def test_parted_each_writes_to_its_own(source, target, which):
    assert share(source, target)
    one, other = (source, target) if which == "who gave" else (target, source)
    before = manifest(one)
    unshare(one)
    assert manifest(one) == before
    (one.outputs / "c.txt").write_text("written")
    (one.outputs / "a" / "b.txt").open("a").close()
    assert other.output("c.txt").read_text() == "c"


def test_what_only_one_is_left_of_can_be_written_again(source, target):
    assert share(source, target)
    target.remove()
    unshare(source)
    assert source.output("c.txt").stat().st_mode & stat.S_IWUSR
