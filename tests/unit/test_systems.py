"""What differs from system to system, decided by its name alone."""

import os
import signal
from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest

from pixyz_scheduler.broker.store_server import find_server
from pixyz_scheduler.cli.welcome import exported
from pixyz_scheduler.errors import SettingsError, StoreUnavailable
from pixyz_scheduler.process_signals import apart, end_signal, end_this_process, take_break_as_end
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.types import share_place
from pixyz_scheduler.worker.children import check_isolation, has_packages, in_utf8
from pixyz_scheduler.worker.isolation.census import ProcCensus, PsutilCensus, census
from pixyz_scheduler.worker.isolation.enclosure import enclosure_of
from pixyz_scheduler.worker.isolation.kept_enclosure import KeptEnclosure
from pixyz_scheduler.worker.isolation.resident import in_kib
from pixyz_scheduler.worker.isolation.session_enclosure import SessionEnclosure


@pytest.mark.parametrize(
    ("platform", "environ", "place"),
    [
        ("linux", {}, PurePosixPath("/tmp/share")),
        ("darwin", {"PROGRAMDATA": "x"}, PurePosixPath("/tmp/share")),
        ("win32", {"PROGRAMDATA": r"D:\Data"}, PureWindowsPath(r"D:\Data\PixyzSDK\share")),
        ("win32", {}, PureWindowsPath(r"C:\ProgramData\PixyzSDK\share")),
    ],
)
def test_the_share_has_a_place_that_makes_sense(platform, environ, place):
    found = share_place(platform=platform, environ=environ)
    assert (found, isinstance(found, PureWindowsPath)) == (place, platform == "win32")
    assert isinstance(found, PurePath)
    assert found.is_absolute()


@pytest.mark.parametrize(
    ("platform", "options", "name"),
    [
        ("linux", {"start_new_session": True}, "SIGTERM"),
        ("darwin", {"start_new_session": True}, "SIGTERM"),
        # CREATE_NEW_PROCESS_GROUP; whoever is not in one hears no Ctrl-Break of its own.
        ("win32", {"creationflags": 0x200}, "CTRL_BREAK_EVENT"),
    ],
)
def test_a_process_of_ours_is_kept_from_ctrl_c_and_can_be_asked_to_end(platform, options, name):
    assert (apart(platform=platform), end_signal(platform=platform)) == (options, name)


def test_this_process_can_ask_itself_to_end():
    caught = []
    before = signal.signal(signal.SIGTERM, lambda number, _: caught.append(number))
    try:
        end_this_process()
        while not caught:
            os.sched_yield()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught == [signal.SIGTERM]


@pytest.mark.skipif(hasattr(signal, "SIGBREAK"), reason="Windows has it")
def test_where_there_is_no_ctrl_break_nothing_is_done_about_it():
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    take_break_as_end()
    assert before == {number: signal.getsignal(number) for number in signal.valid_signals()}


@pytest.mark.parametrize(("platform", "is_there"), [("linux", True), ("darwin", True), ("win32", False)])
def test_packages_of_a_script_are_for_systems_where_a_process_can_become_another_program(platform, is_there):
    assert has_packages(Settings(), platform=platform) == is_there
    assert not has_packages(Settings(debug=True), platform=platform)


@pytest.mark.parametrize(
    ("platform", "given", "found"),
    [
        ("linux", {}, {}),
        ("win32", {"A": "b"}, {"A": "b", "PYTHONUTF8": "1"}),
        ("win32", {"PYTHONUTF8": "0"}, {"PYTHONUTF8": "0"}),
    ],
)
def test_a_script_speaks_utf_8_on_windows_too_unless_somebody_wants_it_otherwise(platform, given, found):
    assert in_utf8(given, platform=platform) == found


@pytest.mark.parametrize(
    ("platform", "line"),
    [("linux", "export A=1 B=2"), ("darwin", "export A=1 B=2"), ("win32", '$env:A="1"; $env:B="2"')],
)
def test_what_to_type_is_said_in_the_shell_that_is_there(platform, line):
    assert exported({"A": "1", "B": "2"}, platform=platform) == line


def test_a_fork_where_there_is_none_is_refused_with_what_is_allowed():
    with pytest.raises(SettingsError, match=r"ISOLATION is fork.*allowed here: spawn"):
        check_isolation(Settings(isolation="fork"), can_fork=False)


@pytest.mark.parametrize("settings", [{"isolation": "spawn"}, {"isolation": "fork", "debug": True}])
def test_what_forks_nothing_is_let_pass(settings):
    check_isolation(Settings(**settings), can_fork=False)


@pytest.mark.parametrize(("platform", "kib"), [("linux", 4096), ("darwin", 4), ("freebsd14", 4096)])
def test_a_peak_is_in_kib_whatever_the_system_counts_in(platform, kib):
    assert in_kib(4096, platform=platform) == kib


@pytest.mark.parametrize(
    ("platform", "kind"), [("linux", ProcCensus), ("darwin", PsutilCensus), ("win32", PsutilCensus)]
)
def test_processes_are_told_by_proc_on_linux_and_by_psutil_elsewhere(platform, kind):
    assert type(census(platform=platform)) is kind


@pytest.mark.parametrize(
    ("platform", "kind"), [("linux", KeptEnclosure), ("darwin", SessionEnclosure), ("sunos5", SessionEnclosure)]
)
def test_a_spawned_child_is_held_by_what_its_system_has(platform, kind):
    assert type(enclosure_of(mark=("NAME", "value"), group=None, platform=platform)) is kind


def test_on_windows_a_missing_store_is_told_with_where_to_get_one(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"on Windows none runs inside.*WSL, in Docker"):
        find_server(tmp_path, platform="win32")


@pytest.mark.parametrize("ask", [ProcCensus(), PsutilCensus()])
def test_a_census_tells_of_this_process(ask):
    me = os.getpid()
    assert me in ask.pids()
    assert me in ask.below(os.getppid())
    assert ask.started(me) == ask.started(me) is not None
    assert any(each.startswith(b"PATH=") for each in ask.environment(me))


@pytest.mark.parametrize("ask", [ProcCensus(), PsutilCensus()])
def test_who_is_not_there_has_nothing(ask):
    nobody = 2**22 + 1  # above the kernel's largest
    assert (ask.below(nobody), ask.environment(nobody), ask.started(nobody)) == ([], [], None)
    assert PsutilCensus().resident([nobody]) == PsutilCensus().unshared([nobody]) == 0
