"""ShareLook: what a worker says of the share it sees."""

import threading

import pytest

from pixyz_scheduler.errors import Unavailable, WrongShare
from pixyz_scheduler.storage.share_id import make_share_id
from pixyz_scheduler.worker.share_look import AWAY, NO_ID, SILENT, ShareLook


def raising(error):
    def read(_):
        raise error

    return read


def test_before_the_first_look_nothing_is_said(tmp_path):
    assert ShareLook(tmp_path).seen == ""


def test_the_id_of_the_share_is_said(tmp_path):
    share_id = make_share_id(tmp_path)
    look = ShareLook(tmp_path)
    look.look()
    assert look.seen == share_id


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda _: None, NO_ID),
        (raising(Unavailable("gone")), AWAY),
        (raising(WrongShare("damaged")), AWAY),
        (raising(OSError("stale")), AWAY),
    ],
)
def test_a_share_without_an_id_is_told_from_one_that_is_away(tmp_path, read, said):
    look = ShareLook(tmp_path, read=read)
    look.look()
    assert look.seen == said


def test_a_share_that_hangs_is_silent_and_nobody_waits_for_it(tmp_path):
    now, asked, let_go = [0.0], threading.Event(), threading.Event()

    def hangs(_):
        asked.set()
        let_go.wait()
        return "id"

    with ShareLook(tmp_path, clock=lambda: now[0], read=hangs) as look:
        asked.wait()
        assert look.seen == ""
        now[0] = 11.0
        assert look.seen == SILENT
        let_go.set()
        while look.seen != "id":
            pass
