"""A job's folder as a hostile client and a hostile script see it."""

import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixyz_scheduler.errors import OutputNotFound, SchedulerError, UnsafePath
from pixyz_scheduler.storage.share import Share

JOB = "0b1c2d3e-0000-4000-8000-00000000000a"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "share"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    folder = Share(root).make_folder(JOB)
    (folder.inputs / "x").write_text("input")
    (folder.outputs / "a" / "b").mkdir(parents=True)
    (folder.outputs / "a" / "b" / "deep.glb").write_text("deep")
    (folder.outputs / "top.glb").write_text("top")
    return folder


def test_outputs_are_listed_with_their_folders(folder):
    assert folder.list_outputs() == ["a/b/deep.glb", "top.glb"]


@pytest.mark.parametrize("relative", ["top.glb", "./top.glb", "a/b/deep.glb", "a//b/./deep.glb"])
def test_an_output_is_found_by_its_relative_path(folder, relative):
    assert folder.output(relative).is_file()
    with folder.open_output(relative) as file:
        assert file.read() in (b"top", b"deep")


@pytest.mark.parametrize(
    "relative",
    [
        "../inputs/x",
        "..",
        "a/../../inputs/x",
        "a/../top.glb",
        "/etc/passwd",
        "//etc/passwd",
        "top.glb\0",
        "../../../secret",
    ],
)
def test_a_path_that_leaves_the_outputs_is_refused(folder, relative):
    with pytest.raises(UnsafePath):
        folder.output(relative)
    with pytest.raises(UnsafePath):
        folder.open_output(relative)


@pytest.mark.parametrize("relative", ["nope", "top.glb/x", "x" * 5000, "\ud800", "a\\b\\deep.glb", "\\xff"])
def test_a_missing_output_is_named(folder, relative):
    with pytest.raises(OutputNotFound, match=f"Job {JOB} has no file"):
        folder.output(relative)


@pytest.mark.parametrize(
    ("relative", "holds"), [("a", "b/"), ("a/b", "deep.glb"), ("", "a/, top.glb"), (".", "a/, top.glb")]
)
def test_a_folder_is_no_output_and_says_what_it_holds(folder, relative, holds):
    with pytest.raises(
        OutputNotFound, match=rf"is a folder in the outputs of the job; ask for a file\. It holds {holds}\."
    ):
        folder.output(relative)


def test_links_that_leave_are_refused_and_not_listed_and_those_inside_are_followed(folder, tmp_path):
    (folder.outputs / "out").symlink_to(tmp_path / "secret")
    (folder.outputs / "out-dir").symlink_to(tmp_path)
    (folder.outputs / "input").symlink_to("../inputs/x")
    (folder.outputs / "circle").symlink_to("circle")
    (folder.outputs / "dangling").symlink_to("nowhere")
    (folder.outputs / "latest.glb").symlink_to("a/b/deep.glb")
    assert folder.list_outputs() == ["a/b/deep.glb", "latest.glb", "top.glb"]
    with folder.open_output("latest.glb") as file:
        assert file.read() == b"deep"
    for name in ("out", "out-dir/secret", "input"):
        with pytest.raises(UnsafePath, match="is a link that leaves the outputs"):
            folder.output(name)
    for name in ("circle", "dangling"):
        with pytest.raises(OutputNotFound):
            folder.output(name)


@pytest.mark.parametrize("part", ["path", "outputs"])
def test_a_script_that_replaces_its_own_folder_by_a_link_opens_nothing(folder, tmp_path, part):
    victim = getattr(folder, part)
    victim.rename(tmp_path / "moved")
    victim.symlink_to(tmp_path)
    assert folder.list_outputs() == []
    with pytest.raises(OutputNotFound):
        folder.output("secret")


def test_a_pipe_holds_nobody(folder):
    os.mkfifo(folder.outputs / "pipe")
    assert "pipe" not in folder.list_outputs()
    with pytest.raises(OutputNotFound, match="neither a file nor a folder"):
        folder.open_output("pipe")


def test_a_file_swapped_for_a_link_while_it_is_opened_leaks_nothing(folder, tmp_path):
    # One thread swaps, as a script could; whatever is read was an output, never the secret.
    stop = threading.Event()
    victim, spare = folder.outputs / "swap", folder.outputs / "spare"

    def swap():
        while not stop.is_set():
            for make in (lambda: spare.write_text("mine"), lambda: spare.symlink_to(tmp_path / "secret")):
                make()
                spare.replace(victim)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(500):
            with suppress(SchedulerError), folder.open_output("swap") as file:
                assert file.read() in (b"mine", b"")
    finally:
        stop.set()
        thread.join()


def test_a_name_that_is_no_text_is_listed_as_json_can_say_it_and_found_by_that(folder):
    with open(os.fsencode(folder.outputs) + b"/caf\xe9.glb", "wb") as file:  # noqa: PTH123  (bytes)
        file.write(b"x")
    shown = "caf\\xe9.glb"
    assert shown in folder.list_outputs()
    with folder.open_output(shown) as file:
        assert file.read() == b"x"


def test_asking_makes_no_folders(folder):
    other = Share(folder.share).folder("ffffffff-0000-4000-8000-00000000000a")
    assert other.list_outputs() == []
    assert not other.exists()
    assert other.archive_path.name == f"{other.job_id}.zip"
    with pytest.raises(OutputNotFound):
        other.output("a")
    other.remove()
    assert not other.path.exists()


def test_an_id_in_capitals_is_the_same_job(folder):
    assert Share(folder.share).folder(JOB.upper()).list_outputs() == folder.list_outputs()


def test_removing_never_goes_through_a_link(folder, tmp_path):
    (folder.outputs / "out").symlink_to(tmp_path)
    folder.remove()
    assert not folder.path.exists()
    folder.path.symlink_to(tmp_path)
    folder.remove()
    assert not folder.path.is_symlink()
    assert (tmp_path / "secret").read_text() == "secret"
    assert list((folder.share / ".trash").iterdir()) == []


def test_a_trash_that_is_a_link_is_refused(folder, tmp_path):
    (folder.share / ".trash").symlink_to(tmp_path)
    with pytest.raises(UnsafePath):
        folder.remove()
    assert folder.exists()


@pytest.fixture
def not_root():
    """Root may do anything, so these tests are somebody else for a while."""
    root = Path(tempfile.mkdtemp())
    nobody = 65534
    if os.geteuid() == 0:
        os.chown(root, nobody, nobody)
        os.seteuid(nobody)
        yield root
        os.seteuid(0)
    else:
        yield root
    shutil.rmtree(root)


def test_folders_without_rights_are_removed_too(not_root):
    folder = Share(not_root).make_folder(JOB)
    (folder.outputs / "a" / "b").mkdir(parents=True)
    (folder.outputs / "a" / "b" / "c").write_text("x")
    (folder.outputs / "a" / "b").chmod(0o500)
    (folder.outputs / "a").chmod(0)
    folder.remove()
    assert not folder.path.exists()
    assert list((not_root / ".trash").iterdir()) == []


STEPS = st.sampled_from(
    ["..", ".", "", "a", "b", "deep.glb", "top.glb", "inputs", "outputs", "x", "out", "\0", "\\", "\ud800", "~", JOB]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(relative=st.lists(STEPS, max_size=8).map("/".join) | st.text(max_size=30))
def test_no_path_at_all_gives_a_file_outside_the_outputs(folder, relative):
    with suppress(FileExistsError):
        (folder.outputs / "out").symlink_to("../inputs")
    with suppress(UnsafePath, OutputNotFound):
        path = folder.output(relative)
        assert path.is_file()
        assert path.resolve().is_relative_to(folder.outputs.resolve())
