"""A watch's moves, reply by reply: no network, no time but a number."""

import pytest

from pixyz_scheduler.client.errors import StillWorking
from pixyz_scheduler.client.models import JobDetails
from pixyz_scheduler.client.watch import RECONNECT, SILENCE, Ask, Listen, Missing, NextLine, Pause, Tell, Watch
from pixyz_scheduler.errors import InvalidJobId, Unavailable

UUID = "123e4567-e89b-12d3-a456-426614174000"
PENDING = JobDetails(uuid=UUID, status="PENDING")
RUNNING = JobDetails(uuid=UUID, status="RUNNING", progress=50)
DONE = JobDetails(uuid=UUID, status="SUCCESS", progress=100)
AWAY = Unavailable("away")
OFFERED, NOT_OFFERED = True, False


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def walk(moves, time, *replies):
    """The moves that follow from these replies, up to the one that waits for the next."""
    seen = []
    replies = list(replies)
    move = next(moves)
    while True:
        seen.append(move)
        if isinstance(move, Pause):
            time.now += move.seconds
        reply = None
        if not isinstance(move, Pause | Tell | Missing):
            if not replies:
                return seen
            reply = replies.pop(0)
        try:
            move = moves.send(reply)
        except StopIteration:
            assert replies == []
            return seen


def watch(time, *, timeout=None, patience=10):
    return Watch(UUID, timeout=timeout, patience=patience, clock=time).moves()


@pytest.mark.parametrize(
    ("replies", "moves"),
    [
        ([DONE], [Ask(), Tell(DONE)]),
        (
            [PENDING, NOT_OFFERED, PENDING, DONE],
            [Ask(), Tell(PENDING), Listen(None, SILENCE), Pause(0.05), Ask(), Pause(0.05 * 1.5), Ask(), Tell(DONE)],
        ),
        (
            [PENDING, OFFERED, RUNNING, "id: 7", "data: x", "", DONE],
            [Ask(), Tell(PENDING), Listen(None, SILENCE), Ask(), Tell(RUNNING)]
            + [NextLine()] * 3
            + [Ask(), Tell(DONE)],
        ),
        (
            [PENDING, OFFERED, PENDING, "id: 7", None, RUNNING, OFFERED, DONE],
            [
                Ask(),
                Tell(PENDING),
                Listen(None, SILENCE),
                Ask(),
                NextLine(),
                NextLine(),
                Pause(RECONNECT),
                Ask(),
                Tell(RUNNING),
                Listen("7", SILENCE),
                Ask(),
                Tell(DONE),
            ],
        ),
        (
            [PENDING, AWAY, AWAY, DONE],
            [
                *[Ask(), Tell(PENDING), Listen(None, SILENCE), Pause(RECONNECT)],
                *[Ask(), Missing(AWAY), Pause(0.05), Ask(), Tell(DONE)],
            ],
        ),
        (
            [AWAY, AWAY, DONE],
            [Ask(), Missing(AWAY), Pause(0.05), Ask(), Pause(0.05 * 1.5), Ask(), Tell(DONE)],
        ),
        (
            [PENDING, OFFERED, PENDING, ": ping", ": ping", ""],
            [Ask(), Tell(PENDING), Listen(None, SILENCE), Ask()] + [NextLine()] * 4,
        ),
    ],
    ids=["ended already", "no events", "an event", "a stream that ends", "a server away", "away at first", "pings"],
)
def test_each_reply_leads_to_its_move(replies, moves):
    time = Time()
    assert walk(watch(time), time, *replies) == moves


def test_without_patience_the_first_outage_ends_it():
    time = Time()
    with pytest.raises(Unavailable, match="away"):
        walk(watch(time, patience=0), time, AWAY)


def test_patience_ends():
    time = Time()
    with pytest.raises(Unavailable, match="away"):
        walk(watch(time, patience=10), time, PENDING, NOT_OFFERED, *[AWAY] * 100)
    assert 110 <= time.now < 112


def test_the_asking_ends_where_it_is_bounded():
    time = Time()
    with pytest.raises(StillWorking, match="is still RUNNING after 5 s"):
        walk(watch(time, timeout=5), time, PENDING, NOT_OFFERED, *[RUNNING] * 100)
    assert time.now == pytest.approx(105)


def test_the_listening_ends_where_it_is_bounded_though_pings_go_on():
    time = Time()
    moves = watch(time, timeout=5)
    assert walk(moves, time, PENDING, OFFERED, RUNNING, ": ping")[2] == Listen(None, 5)
    time.now += 5
    with pytest.raises(StillWorking, match="is still RUNNING after 5 s"):
        moves.send(": ping")


def test_a_job_that_is_none_is_refused_before_the_first_move():
    with pytest.raises(InvalidJobId):
        Watch("x", timeout=None, patience=0, clock=Time())
