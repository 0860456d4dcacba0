"""What doctor says of a share, by what is seen of it."""

from pathlib import Path

import pytest

from pixyz_scheduler.doctor.share import ShareFacts, judge
from pixyz_scheduler.storage.share_trial import may_write

MIB = 1 << 20
LEAST = 256 * MIB
WELL = {"path": Path("/mnt/share"), "id": "a", "known": "a", "free": 1 << 40, "mode": 0o750, "owner": (1001, 1001)}


def found(**facts):
    return list(judge(ShareFacts(**{**WELL, **facts}), least=LEAST))


def bad(findings):
    return [each.level.value for each in findings if each.level.value != "ok"]


@pytest.mark.parametrize(
    ("facts", "levels", "told"),
    [
        ({}, [], "/mnt/share is the store's own (a)"),
        ({"id": None, "known": None}, [], "the first start gives it an id"),
        ({"known": None}, [], "will take it"),
        ({"known": None, "store_answers": False}, [], "could not be asked"),
        ({"known": "b"}, ["error"], "it has the id a, expected is b"),
        ({"id": None}, ["error"], "it has no .ps-share-id, expected is a"),
        ({"is_there": False, "known": None}, ["warning"], "no such folder yet"),
        ({"is_there": False}, ["error"], "the store has jobs on a share"),
        ({"refused": {"write": "Permission denied"}}, ["error"], "write: Permission denied"),
        ({"refused": {"write": "Permission denied"}}, ["error"], "it belongs to 1001:1001, mode 0750"),
        ({"refused": {"folder": "Invalid argument"}}, ["error"], "folder: Invalid argument"),
        ({"refused": {"link": "Operation not permitted"}}, [], "has no hard links"),
        ({"free": LEAST - 1}, ["error"], "uploads are refused"),
        ({"free": LEAST}, ["warning"], "uploads are refused"),
        ({"free": 4 * LEAST}, [], "are free"),
        ({"users": (1001, 5)}, [], "is the store's own"),
        ({"users": (5, 1001)}, ["error"], "UID and GID are 5 and 1001, who may not write"),
        ({"users": (5, 1001), "mode": 0o770}, [], "is the store's own"),
        ({"users": (5, 5), "mode": None}, [], "is the store's own"),
        ({"path": Path("/tmp/share")}, ["warning"], "a restart of the machine empties it"),
        ({"path": Path("/tmpfs/share")}, [], "is the store's own"),
    ],
)
def test_each_thing_that_is_wrong_is_a_finding_with_what_to_do(facts, levels, told):
    findings = found(**facts)
    assert bad(findings) == levels
    assert [each for each in findings if told in each.what]
    assert all(each.to_do for each in findings if each.level.value != "ok")
    assert {each.check for each in findings} == {"share"}


def test_no_room_is_asked_for_where_none_must_be_left():
    assert bad(judge(ShareFacts(**{**WELL, "free": 0}), least=0)) == []


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "may"),
    [
        (0o700, 1, 9, True),
        (0o500, 1, 9, False),
        (0o770, 2, 1, True),
        (0o750, 2, 1, False),
        (0o707, 2, 1, False),
        (0o707, 2, 9, True),
        (0o772, 2, 9, False),
        (0o000, 0, 0, True),
    ],
)
def test_who_may_write_follows_from_the_permission_bits(mode, uid, gid, may):
    assert may_write(mode, owner=1, group=1, uid=uid, gid=gid) is may
