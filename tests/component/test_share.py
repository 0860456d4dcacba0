"""Uploads on their way into the share, with real files, modes and full disks."""

import hashlib
import os
import resource
import shutil
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from pixyz_scheduler.errors import Conflict, InvalidJobId, InvalidUpload, StorageFull, Unavailable
from pixyz_scheduler.storage.disk import make_corner
from pixyz_scheduler.storage.retention import remove_expired
from pixyz_scheduler.storage.share import Share

JOB = "0b1c2d3e-0000-4000-8000-00000000000a"


@pytest.fixture
def share(tmp_path):
    root = tmp_path / "share"
    root.mkdir()
    return Share(root)


def everything(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def upload(share, *files, job_id=JOB):
    with share.incoming() as incoming:
        for kind, name, data in files:
            with incoming.create(kind, name) as file:
                file.write(data)
        return incoming.adopt(job_id)


def test_an_upload_is_streamed_and_then_renamed_into_place(share):
    with share.incoming() as incoming:
        with incoming.create("input", "part.step") as file:
            file.write(b"ISO-")
            file.write(b"10303")
        assert (file.name, file.size) == ("part.step", 9)
        assert file.sha256 == hashlib.sha256(b"ISO-10303").hexdigest()
        assert not share.folder(JOB).exists()
        folder = incoming.adopt(JOB)
    assert everything(share.root) == [
        ".incoming",
        JOB,
        *(f"{JOB}/{part}" for part in ("inputs", "inputs/part.step", "outputs")),
    ]
    assert folder.input("part.step").read_bytes() == b"ISO-10303"


@pytest.mark.parametrize("fault", [None, RuntimeError("rejected"), KeyboardInterrupt()])
def test_what_no_job_adopts_is_gone(share, fault):
    def attempt():
        with share.incoming() as incoming:
            incoming.create("script", "main.py").write(b"def main(): ...")
            with incoming.create("input", "part.step") as file:
                file.write(b"data")
            if fault:
                raise fault

    if fault:
        with pytest.raises(type(fault)):
            attempt()
    else:
        attempt()
    assert everything(share.root) == [".incoming"]


def test_a_file_that_breaks_off_is_removed_at_once(share):
    def break_off(incoming):
        with incoming.create("input", "part.step") as file:
            file.write(b"half")
            raise RuntimeError("client gone")

    with share.incoming() as incoming:
        with pytest.raises(RuntimeError):
            break_off(incoming)
        assert not list(incoming.path.rglob("part*"))
        assert incoming.create("input", "part.step").name == "part.step"


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (("script", "a.py"), ("input", "a.py"), ["a.py", "a_2.py"]),
        (("input", "a.py"), ("script", "a.py"), ["a.py", "a_2.py"]),
        (("input", "A.PY"), ("script", "a.py"), ["A.PY", "a_2.py"]),
        (("script", "model.step"), ("input", "model.step"), ["model.step.py", "model.step"]),
        (("script", "../inputs/x.py"), ("input", "x.py"), ["x.py", "x_2.py"]),
    ],
)
def test_script_and_input_of_one_name_are_both_kept(share, first, second, names):
    folder = upload(share, (*first, b"1"), (*second, b"2"))
    assert [folder.input(name).read_bytes() for name in names] == [b"1", b"2"]


def test_a_name_of_nothing_is_refused(share):
    with share.incoming() as incoming, pytest.raises(InvalidUpload):
        incoming.create("input", "..")


@pytest.mark.parametrize(
    ("root_mode", "folder_mode", "file_mode"),
    [(0o700, 0o700, 0o600), (0o755, 0o750, 0o640), (0o777, 0o770, 0o640), (0o2770, 0o2770, 0o640)],
)
def test_nothing_is_open_to_others_and_the_group_gets_what_the_share_gives_it(share, root_mode, folder_mode, file_mode):
    share.root.chmod(root_mode)
    before = os.umask(0)
    try:
        with share.incoming() as incoming:
            assert stat.S_IMODE(incoming.path.stat().st_mode) & 0o077 == 0
            incoming.create("input", "part.step").close()
            folder = incoming.adopt(JOB)
    finally:
        os.umask(before)
    for path in (folder.path, folder.inputs, folder.outputs):
        assert stat.S_IMODE(path.stat().st_mode) == folder_mode, path
    assert stat.S_IMODE(folder.input("part.step").stat().st_mode) == file_mode


def test_a_jobs_folder_is_never_taken_over(share):
    folder = upload(share, ("input", "part.step", b"first"))
    with pytest.raises(Conflict, match="has a folder already"):
        upload(share, ("input", "part.step", b"second"))
    assert folder.input("part.step").read_bytes() == b"first"
    assert everything(share.root / ".incoming") == []


def test_a_folder_without_files_is_made_once(share):
    folder = share.make_folder(JOB)
    (folder.outputs / "a.glb").write_bytes(b"x")
    assert share.make_folder(JOB).list_outputs() == ["a.glb"]


@pytest.mark.parametrize(
    "job_id", ["", "..", "../" + JOB, JOB + "/", JOB[:-1], JOB + "\n", JOB.replace("-", ""), "g" + JOB[1:]]
)
def test_a_folder_is_only_for_a_job_id(share, job_id):
    with pytest.raises(InvalidJobId, match="8-4-4-4-12"):
        share.folder(job_id)


def test_a_relative_share_stays_where_it_was_when_the_process_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("share").mkdir()
    share = Share(Path("share"))
    folder = upload(share, ("input", "part.step", b"x"))
    monkeypatch.chdir("/")
    assert folder.path == tmp_path / "share" / JOB
    assert folder.exists()
    assert remove_expired(share, [JOB]) == ([JOB], {})
    assert not folder.exists()


def test_a_share_that_is_away_is_said(tmp_path):
    share = Share(tmp_path / "gone")
    with pytest.raises(Unavailable, match="cannot be written"), share.incoming():
        pass
    with pytest.raises(Unavailable, match="cannot be written"):
        share.folder(JOB).remove()


def test_what_a_request_brought_that_has_gone_with_its_share_is_no_fault_of_the_requests(share):
    with share.incoming() as incoming:
        with incoming.create("script", "a.py") as script:
            script.write(b"def main(pc, params): pass\n")
        shutil.rmtree(incoming.path)
        for use in (script.read, lambda: incoming.describe(b"{}"), lambda: incoming.create("input", "a.step")):
            with pytest.raises(Unavailable, match="went away while the files came"):
                use()


def test_the_sweep_takes_what_is_old_and_leaves_an_upload_in_progress(share):
    with share.incoming() as incoming:
        file = incoming.create("input", "part.step")
        file.write(b"x")
        stranded = share.root / ".incoming" / "stranded"
        (stranded / "inputs").mkdir(parents=True)
        (stranded / "inputs" / "part.step").write_bytes(b"x")
        for path in (
            stranded / "inputs" / "part.step",
            stranded / "inputs",
            stranded,
            incoming.path,
            incoming.path / "outputs",
        ):
            os.utime(path, (1, 1))
        trash = share.root / ".trash" / "half-removed"
        trash.mkdir(parents=True)
        now = file.path.stat().st_mtime
        assert share.sweep(now=now + 10, older_than=3600) == 2
        assert file.path.exists()
        assert not stranded.exists()
        assert not trash.exists()


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_said_and_nothing_stays_on_it(small_disk):
    share = Share(small_disk)

    def fill():
        with share.incoming() as incoming, incoming.create("input", "part.step") as file:
            for _ in range(100):
                file.write(b"x" * 10_000)

    with pytest.raises(StorageFull, match=r"No room left for part\.step: No space left on device"):
        fill()
    assert everything(small_disk) == [".incoming"]
    # The room is there again.
    assert upload(share, ("input", "part.step", b"x" * 100_000)).exists()


def test_a_share_that_can_only_be_read_is_away(small_disk):
    share = Share(small_disk)
    folder = upload(share, ("input", "part.step", b"x"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Unavailable, match="does not serve: Read-only file system"):
        upload(share, ("input", "part.step", b"x"), job_id=str(uuid.uuid4()))
    with pytest.raises(Unavailable, match="Read-only"):
        folder.remove()
    assert folder.input("part.step").read_bytes() == b"x"


def test_a_file_too_large_for_its_limit_is_said_and_removed(share):
    # RLIMIT_FSIZE stands for a quota, where no tmpfs may be mounted; in a process of its own.
    program = f"""
import signal, sys
from pathlib import Path
from pixyz_scheduler.errors import StorageFull
from pixyz_scheduler.storage.share import Share
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with Share(Path({str(share.root)!r})).incoming() as incoming, incoming.create("input", "part.step") as file:
        for _ in range(10):
            file.write(b"x" * 10_000)
except StorageFull as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert done.stderr == "No room left for part.step: File too large.\n"
    assert everything(share.root) == [".incoming"]


def test_removing_takes_one_job_and_says_why_another_stays(share):
    other = str(uuid.uuid4())
    upload(share, ("input", "a", b"x"))
    upload(share, ("input", "a", b"x"), job_id=other)
    gone, kept = remove_expired(share, [JOB, "../escape"])
    assert gone == [JOB]
    assert list(kept) == ["../escape"]
    assert share.folder(other).exists()
    assert everything(share.root / ".trash") == []


def test_a_corner_that_goes_away_with_its_share_as_it_is_looked_at_is_no_link(tmp_path):
    class Unmounted(type(tmp_path)):
        """It is there at the first look, and gone at the second."""

        def mkdir(self, *_, **__):
            raise FileExistsError

    with pytest.raises(Unavailable, match="went away"):
        make_corner(Unmounted(tmp_path), ".incoming")
