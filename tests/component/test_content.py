"""Inputs kept once for all jobs that ask: real files, links and modes; time comes in."""

import errno
import logging
import os
import stat
import time
import uuid

import pytest

from pixyz_scheduler.storage.content import CONTENT, UNUSED_AFTER
from pixyz_scheduler.storage.leftovers import untouched
from pixyz_scheduler.storage.share import Share

MODEL = bytes(range(256)) * 8192
LATER = UNUSED_AFTER + 1


@pytest.fixture
def share(tmp_path):
    root = tmp_path / "share"
    root.mkdir()
    return Share(root)


def upload(share, *files, deduplicate=True):
    """The folder of a new job with these inputs, `(name, data)` or bytes alone."""
    job_id = str(uuid.uuid4())
    with share.incoming() as incoming:
        made = []
        for given in files:
            name, data = given if isinstance(given, tuple) else ("part.step", given)
            with incoming.create("input", name) as file:
                file.write(data)
            made.append(file)
        return share.content.adopt(incoming, job_id, made) if deduplicate else incoming.adopt(job_id)


def the_input(folder, name="part.step"):
    return folder.inputs / name


def inode(folder, name="part.step"):
    return the_input(folder, name).stat().st_ino


def names(folder):
    return sorted(path.name for path in folder.inputs.iterdir())


def entries(share):
    return sorted((share.root / CONTENT).glob("*/*"))


def write_in_place(path, data):
    """As a script of the superuser's does, or one that gives itself the right."""
    path.chmod(0o640)
    with path.open("r+b") as file:
        file.write(data)


def test_jobs_that_ask_share_a_file_that_nobody_may_write_to_and_others_have_their_own(share):
    first, second, third = upload(share, MODEL), upload(share, MODEL), upload(share, MODEL, deduplicate=False)
    assert inode(first) == inode(second) != inode(third)
    assert {the_input(folder).read_bytes() for folder in (first, second, third)} == {MODEL}
    assert [stat.S_IMODE(the_input(folder).stat().st_mode) & 0o222 for folder in (first, second)] == [0, 0]
    assert the_input(third).stat().st_mode & stat.S_IWUSR
    assert [names(folder) for folder in (first, second)] == [["part.step"]] * 2
    assert len(entries(share)) == 1


def test_the_group_reads_what_it_may_read_on_the_share(share):
    share.root.chmod(0o750)
    before = upload(share, MODEL)
    assert stat.S_IMODE(the_input(before).stat().st_mode) == 0o440
    share.root.chmod(0o700)
    after = upload(share, MODEL)
    assert stat.S_IMODE(the_input(after).stat().st_mode) == 0o400
    assert inode(after) == inode(upload(share, MODEL)) != inode(before)


def test_two_files_of_one_request_are_one(share):
    folder = upload(share, ("a.step", MODEL), ("b.step", MODEL), ("c.step", MODEL[1:]))
    assert inode(folder, "a.step") == inode(folder, "b.step") != inode(folder, "c.step")
    assert names(folder) == ["a.step", "b.step", "c.step"]


def test_small_files_are_each_jobs_own(share):
    small = MODEL[: (1 << 20) - 1]
    assert inode(upload(share, small)) != inode(upload(share, small))
    assert entries(share) == []


def test_a_job_that_goes_leaves_the_others_their_file_and_the_last_one_leaves_it_to_the_janitor(share):
    first, second = upload(share, MODEL), upload(share, MODEL)
    first.remove()
    assert the_input(second).read_bytes() == MODEL
    assert share.content.clean(time.time() + LATER) == 0
    second.remove()
    assert share.content.clean(time.time()) == 0
    assert len(entries(share)) == 1
    assert share.content.clean(time.time() + LATER) == 1
    assert entries(share) == []
    assert the_input(upload(share, MODEL)).read_bytes() == MODEL


def test_what_is_nobodys_for_a_moment_is_taken_again(share):
    first = upload(share, MODEL)
    before = inode(first)
    first.remove()
    assert inode(upload(share, MODEL)) == before


@pytest.mark.parametrize("data", [b"X", MODEL + b"X"], ids=["as long", "longer"])
def test_what_was_changed_is_given_to_nobody_any_more(share, data, caplog):
    first = upload(share, MODEL)
    write_in_place(the_input(first), data)
    second, third = upload(share, MODEL), upload(share, MODEL)
    assert inode(first) != inode(second) == inode(third)
    assert the_input(third).read_bytes() == MODEL
    assert caplog.messages == [message for message in caplog.messages if "given to no more jobs" in message] != []


def test_what_somebody_may_write_to_is_given_to_nobody(share):
    first = upload(share, MODEL)
    the_input(first).chmod(0o640)
    assert inode(upload(share, MODEL)) != inode(first)


def test_the_janitor_drops_what_was_changed_and_leaves_what_it_does_not_know(share):
    first = upload(share, MODEL)
    foreign = entries(share)[0].with_name("README")
    foreign.write_text("not ours")
    write_in_place(the_input(first), b"X")
    assert share.content.clean(time.time()) == 1
    assert entries(share) == [foreign]
    assert the_input(first).exists()


def test_a_link_in_the_place_of_an_entry_leads_nowhere(share, tmp_path):
    first = upload(share, MODEL)
    (entry,) = entries(share)
    secret = tmp_path / "secret"
    secret.write_bytes(MODEL)
    entry.unlink()
    entry.symlink_to(secret)
    second = upload(share, MODEL)
    assert the_input(second).read_bytes() == MODEL
    assert not the_input(second).is_symlink()
    assert inode(second) not in {inode(first), secret.stat().st_ino}


def test_where_no_corner_can_be_made_the_upload_stays_as_it_came(share, caplog):
    caplog.set_level(logging.INFO)
    (share.root / CONTENT).write_text("in the way")
    folder, plain = upload(share, MODEL), upload(share, MODEL, deduplicate=False)
    assert the_input(folder).read_bytes() == MODEL
    assert the_input(folder).stat().st_mode == the_input(plain).stat().st_mode
    assert "stays its job's own" in caplog.text
    assert share.content.clean(time.time()) == 0


def test_an_entry_with_too_many_links_is_followed_by_another(share, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    first = upload(share, MODEL)
    link = os.link

    def full(source, target, **options):
        if source.stat().st_ino == inode(first):
            raise OSError(errno.EMLINK, "Too many links")
        link(source, target, **options)

    monkeypatch.setattr(os, "link", full)
    second, third = upload(share, MODEL), upload(share, MODEL)
    assert inode(first) != inode(second) == inode(third)
    assert "Too many links" in caplog.text


def test_the_corner_is_no_job_and_no_leftover(share):
    upload(share, MODEL)
    later = time.time() + 10
    assert [folder.job_id for folder in untouched(share, since=0, before=later)] == [
        path.name for path in share.root.iterdir() if not path.name.startswith(".")
    ]
    assert share.sweep(now=later + 1e6, older_than=1) == 0
    assert len(entries(share)) == 1
