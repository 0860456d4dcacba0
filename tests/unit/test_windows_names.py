"""What cannot be a name on Windows, and what an archive may hold on a system that does not tell case apart."""

import pytest

from pixyz_scheduler.errors import InvalidArchive, UnsafePath
from pixyz_scheduler.storage.job_folder import _steps
from pixyz_scheduler.storage.member_names import MemberNames
from pixyz_scheduler.storage.windows_names import fault, is_device


@pytest.mark.parametrize(
    "name", ["con", "CON", "Nul.step", "aux.tar.gz", "prn .txt", "COM1", "com9.stl", "LPT²", "CONIN$"]
)
def test_a_device_is_known_in_any_case_and_with_any_suffix(name):
    assert is_device(name)
    assert fault(name) == "is the name of a device on Windows"


@pytest.mark.parametrize(
    "name", ["console", "con_1.step", "acon.step", "com", "com10.stl", "nullity", "my aux.stl", ""]
)
def test_what_only_looks_like_one_is_a_name(name):
    assert not is_device(name)
    assert fault(name) is None


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("a:b", "':'"), ("what?", "'?'"), ("a\\b", "'" + 2 * "\\" + "'"), ("a.", "a dot"), ("a ", "a blank")],
)
def test_what_windows_takes_for_something_else_is_no_name(name, wrong):
    assert wrong in fault(name)


@pytest.mark.parametrize("name", ["part.step", "Bauteil Größe (2).stp", ".hidden", "a.b.c", "x" * 200])
def test_a_usual_name_is_one(name):
    assert fault(name) is None


@pytest.mark.parametrize("path", ["a/nul", "con.glb", "sub/COM1.txt", "a:b", "C:/x", "a\\b"])
def test_no_output_is_a_device_or_a_drive_on_windows(path):
    with pytest.raises(UnsafePath):
        _steps(path, platform="win32")
    assert _steps(path, platform="linux") == path.split("/")


@pytest.mark.parametrize(
    ("platform", "names", "wrong"),
    [
        ("win32", ["a/aux.stl"], "'aux.stl' is the name of a device on Windows"),
        ("win32", ["a/b:c"], "has ':' in it"),
        ("win32", ["a./b"], "'a.' ends in a dot or a blank"),
        ("win32", ["Part.stl", "part.STL"], "'Part.stl' and 'part.STL', which are one file on this system"),
        ("darwin", ["A/x", "a/y"], "'A' and 'a', which are one file"),
        ("darwin", ["Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"], "one file"),
    ],
)
def test_members_that_cannot_lie_beside_each_other_are_refused(platform, names, wrong):
    seen = MemberNames("in.zip", platform=platform)
    *before, last = (name.split("/") for name in names)
    for name in before:
        seen.check(name)
    with pytest.raises(InvalidArchive, match=wrong):
        seen.check(last)


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("linux", ["a/aux.stl", "a/b:c", "a.", "Part.stl", "part.STL"]),
        ("darwin", ["aux.stl", "a:b"]),
        ("win32", ["a/x", "a/y", "a", "b/a", "A2"]),
    ],
)
def test_what_a_system_can_have_is_let_pass(platform, names):
    seen = MemberNames("in.zip", platform=platform)
    for name in names:
        seen.check(name.split("/"))
