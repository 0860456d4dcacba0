"""Proxies: what each mode does to those who talk through them."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.chaos.proxy import Link, Mode, Proxies

SOON = 0.2
"""Seconds in which a loopback would have answered many times."""


@dataclass(frozen=True)
class Line:
    """A member's end of a connection, and the store's."""

    proxies: Proxies
    link: Link
    member: socket.socket
    store: socket.socket
    listener: socket.socket

    def spoil(self, mode: Mode) -> None:
        self.proxies.spoil(self.link, mode)

    def heal(self) -> None:
        self.proxies.spoil(self.link, Mode.OK)

    def hears(self, end: socket.socket) -> bytes | None:
        """What comes; nothing at its end, None where it stays open and silent."""
        end.settimeout(SOON)
        try:
            return end.recv(100)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return b""


@pytest.fixture
def line() -> Iterator[Line]:
    with socket.create_server(("127.0.0.1", 0)) as listener, Proxies(listener.getsockname()[1]) as proxies:
        link = proxies.link()
        with socket.create_connection(("127.0.0.1", link.port)) as member:
            store, _ = listener.accept()
            with store:
                yield Line(proxies, link, member, store, listener)


def test_both_ways_are_open(line):
    line.member.sendall(b"PING")
    assert line.hears(line.store) == b"PING"
    line.store.sendall(b"PONG")
    assert line.hears(line.member) == b"PONG"


@pytest.mark.parametrize(
    ("mode", "requests", "answers"),
    [
        (Mode.DELAY, b"PING", b"PONG"),
        (Mode.NO_ANSWERS, b"PING", None),
        (Mode.NO_REQUESTS, None, b"PONG"),
        (Mode.BLACK_HOLE, None, None),
    ],
)
def test_a_mode_carries_what_it_says_and_the_rest_when_it_is_healed(line, mode, requests, answers):
    line.spoil(mode)
    line.member.sendall(b"PING")
    line.store.sendall(b"PONG")
    assert (line.hears(line.store), line.hears(line.member)) == (requests, answers)
    line.heal()
    assert requests or line.hears(line.store) == b"PING"
    assert answers or line.hears(line.member) == b"PONG"


def test_new_connections_through_a_black_hole_hang_until_it_is_healed(line):
    line.spoil(Mode.BLACK_HOLE)
    with socket.create_connection(("127.0.0.1", line.link.port)) as member:
        member.sendall(b"PING")
        assert line.hears(member) is None
        line.heal()
        store, _ = line.listener.accept()
        with store:
            assert line.hears(store) == b"PING"


def test_refuse_ends_connections_old_and_new(line):
    line.spoil(Mode.REFUSE)
    assert line.hears(line.member) == b""
    with socket.create_connection(("127.0.0.1", line.link.port)) as member:
        assert line.hears(member) == b""
