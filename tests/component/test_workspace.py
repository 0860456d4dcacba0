"""An attempt's own folder."""

import os
import signal
import stat
import subprocess
import sys
import zipfile

import pytest

from pixyz_scheduler.errors import InvalidArchive, InvalidConfig
from pixyz_scheduler.storage.unpack import UnpackLimits
from pixyz_scheduler.storage.workspace import Workspace, sweep_workspaces

JOB = "0b1c2d3e-0000-4000-8000-00000000000a"
LIMITS = UnpackLimits()


def pack(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


# By the folder itself, or, as on Windows, by a file beside it.
by_either = pytest.mark.parametrize("by_folder", [True, False])


@by_either
def test_a_workspace_is_private_named_after_its_attempt_and_gone_at_the_end(tmp_path, by_folder):
    root = tmp_path / "local"
    with Workspace.open(JOB, attempt=2, local_root=root, by_folder=by_folder) as workspace:
        assert workspace.path.name.startswith(f"pixyz-attempt-{JOB}-2-")
        assert stat.S_IMODE(workspace.path.stat().st_mode) == 0o700
        (workspace.temp / "deep").mkdir()
        (workspace.temp / "deep" / "file").write_text("x")
        with Workspace.open(JOB, attempt=2, local_root=root) as other:
            assert other.path != workspace.path
    assert list(root.iterdir()) == []


def test_a_workspace_is_gone_after_an_error_too(tmp_path):
    with pytest.raises(RuntimeError), Workspace.open(JOB, attempt=1, local_root=tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@by_either
def test_a_dead_workers_workspace_is_swept_and_a_living_ones_is_not(tmp_path, by_folder):
    program = f"""
import os, sys
from pathlib import Path
from pixyz_scheduler.storage.workspace import Workspace
with Workspace.open({JOB!r}, attempt=1, local_root=Path({str(tmp_path)!r}), by_folder={by_folder}) as workspace:
    print(workspace.path.name, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        name = worker.stdout.readline().strip()
        (tmp_path / "not-ours").mkdir()
        assert sweep_workspaces(tmp_path, now=0.0, by_folder=by_folder) == []
        assert (tmp_path / name).is_dir()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert sweep_workspaces(tmp_path, now=0.0, by_folder=by_folder) == [name]
        assert [path.name for path in tmp_path.iterdir()] == ["not-ours"]


def test_a_workspace_that_was_never_finished_is_swept_when_it_is_old(tmp_path):
    unborn = tmp_path / f".pixyz-attempt-{JOB}-1-00000000"
    unborn.mkdir()
    os.utime(unborn, (1000, 1000))
    assert sweep_workspaces(tmp_path, now=1010.0) == []
    assert sweep_workspaces(tmp_path, now=2000.0) == [unborn.name]


def test_a_lock_whose_folder_has_gone_is_swept_when_it_is_old(tmp_path):
    lock = tmp_path / f"pixyz-attempt-{JOB}-1-00000000.lock"
    lock.touch()
    os.utime(lock, (1000, 1000))
    sweep_workspaces(tmp_path, now=1010.0)
    assert lock.exists()
    sweep_workspaces(tmp_path, now=2000.0)
    assert not lock.exists()


def test_a_link_named_like_a_workspace_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / f"pixyz-attempt-{JOB}-1-00000000").symlink_to("precious")
    assert sweep_workspaces(tmp_path, now=1e12) == []
    assert (tmp_path / "precious").exists()


def test_sweeping_a_folder_that_is_not_there_is_well(tmp_path):
    assert sweep_workspaces(tmp_path / "none", now=0.0) == []


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(JOB, attempt=1, local_root=tmp_path / "local") as workspace:
        yield workspace


@pytest.mark.parametrize("name", ["part.step", "part.3mf", "part.usdz", "part.FCStd", "noext"])
def test_a_file_that_is_no_archive_is_the_input_itself(tmp_path, workspace, name):
    # 3MF, USDZ and FCStd are zips inside; the script gets them as they are.
    file = pack(tmp_path / name, "3D/3dmodel.model")
    assert workspace.prepare_input(file, root_file="not-looked-at", limits=LIMITS) == file
    assert not workspace.unpacked.exists()


def test_an_archive_is_unpacked_and_its_root_file_found(tmp_path, workspace):
    file = pack(tmp_path / "car.ZIP", "readme.txt", "parts/wheel.step", "car.CATProduct")
    assert workspace.prepare_input(file, root_file=None, limits=LIMITS) == workspace.unpacked / "car.CATProduct"
    assert file.exists()


def test_the_users_root_file_wins(tmp_path, workspace):
    file = pack(tmp_path / "car.zip", "parts/wheel.step", "car.CATProduct")
    found = workspace.prepare_input(file, root_file="parts/wheel.step", limits=LIMITS)
    assert found == workspace.unpacked / "parts" / "wheel.step"


def test_a_wrong_root_file_says_what_is_there(tmp_path, workspace):
    file = pack(tmp_path / "car.zip", "a.step")
    with pytest.raises(InvalidConfig, match=r"root_file '\.\./\.\./x' is not in the archive, which holds: a\.step"):
        workspace.prepare_input(file, root_file="../../x", limits=LIMITS)


def test_an_archive_without_a_model_gives_no_root_file_but_its_files(tmp_path, workspace):
    assert workspace.prepare_input(pack(tmp_path / "a.zip", "a.txt", "b.txt"), root_file=None, limits=LIMITS) is None
    assert sorted(path.name for path in workspace.unpacked.iterdir()) == ["a.txt", "b.txt"]


def test_text_named_like_an_archive_is_refused(tmp_path, workspace):
    (tmp_path / "a.zip").write_text("no archive")
    with pytest.raises(InvalidArchive, match=r"a\.zip cannot be unpacked"):
        workspace.prepare_input(tmp_path / "a.zip", root_file=None, limits=LIMITS)


def test_what_was_sent_with_an_archive_lies_beside_what_is_in_it(tmp_path, workspace):
    file = pack(tmp_path / "car.zip", "car.step")
    look = tmp_path / "look.json"
    look.write_text("{}")
    found = workspace.prepare_input(file, root_file=None, limits=LIMITS, beside=[look])
    assert found == workspace.unpacked / "car.step"
    assert (workspace.unpacked / "look.json").read_text() == "{}"


def test_a_name_that_the_archive_has_too_is_refused(tmp_path, workspace):
    file = pack(tmp_path / "car.zip", "car.step", "look.json")
    (tmp_path / "look.json").write_text("{}")
    with pytest.raises(InvalidArchive, match=r"car\.zip holds 'look\.json', which was sent beside it, too"):
        workspace.prepare_input(file, root_file=None, limits=LIMITS, beside=[tmp_path / "look.json"])
