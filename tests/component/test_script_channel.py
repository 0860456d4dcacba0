"""The channel between child and supervisor, over real sockets, with readers that trust nobody."""

import json
import os
import socket
import sys
import threading

import pytest

from pixyz_scheduler.script.channel import (
    MAX_MESSAGE,
    MAX_PACKET,
    ChannelError,
    SocketChannel,
    StreamChannel,
    receive,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SEQPACKET sockets are Linux's")


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (Path.iterdir holds one itself)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "step", "info": "é🙂", "time": 1.5},
        {"type": "result", "value": None},
        {"type": "result", "value": "x" * (MAX_PACKET - 28)},
        {"type": "result", "value": "x" * MAX_PACKET},
        {"type": "result", "value": "x" * 10_000_000},
    ],
    ids=["small", "empty", "as large as a packet", "just larger", "10 MB"],
)
def test_a_message_arrives_as_it_was_sent_and_leaves_no_descriptor(pair, message):
    ours, theirs = pair
    before = open_descriptors()
    SocketChannel(theirs).send(message)
    assert receive(ours) == message
    assert open_descriptors() == before


def test_both_directions(pair):
    ours, theirs = pair
    SocketChannel(ours).send({"type": "request", "source": "x" * 300_000})
    assert len(SocketChannel(theirs).receive()["source"]) == 300_000


def test_a_closed_end_reads_as_none(pair):
    ours, theirs = pair
    theirs.close()
    assert receive(ours) is None


def test_messages_sent_before_the_end_closed_are_still_read(pair):
    ours, theirs = pair
    SocketChannel(theirs).send({"type": "a"})
    theirs.close()
    assert [receive(ours), receive(ours)] == [{"type": "a"}, None]


def test_a_non_blocking_reader_does_not_wait(pair):
    ours, _ = pair
    ours.settimeout(0)
    with pytest.raises(BlockingIOError):
        receive(ours)


def test_a_small_socket_buffer_makes_messages_go_by_file(pair):
    ours, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    message = {"type": "result", "value": "x" * 50_000}
    SocketChannel(theirs).send(message)
    assert receive(ours) == message


def test_threads_do_not_mix_their_messages(pair):
    ours, theirs = pair
    channel = SocketChannel(theirs)
    senders = [
        threading.Thread(target=lambda n=n: [channel.send({"type": "step", "info": str(n) * 5000}) for _ in range(20)])
        for n in range(4)
    ]
    for sender in senders:
        sender.start()
    received = [receive(ours)["info"] for _ in range(80)]
    for sender in senders:
        sender.join()
    assert all(info == info[0] * 5000 for info in received)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"type": NaN}', "NaN is not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"type": "result", "by_fd": true}', "without its file"),
    ],
)
def test_what_is_no_message_is_refused(pair, packet, reason):
    ours, theirs = pair
    theirs.send(packet)
    with pytest.raises(ChannelError, match=reason):
        receive(ours)


def test_a_packet_that_was_cut_is_refused(pair):
    ours, theirs = pair
    theirs.send(b'{"type": "' + b"x" * MAX_PACKET + b'"}')
    with pytest.raises(ChannelError, match="larger than"):
        receive(ours)


def test_a_pipe_instead_of_a_file_does_not_make_the_reader_wait(pair):
    ours, theirs = pair
    reader, writer = os.pipe()
    try:
        before = open_descriptors()
        socket.send_fds(theirs, [b'{"type": "result", "by_fd": true}'], [reader])
        with pytest.raises(ChannelError, match="plain file"):
            receive(ours)
        assert open_descriptors() == before
    finally:
        os.close(reader)
        os.close(writer)


def test_a_huge_sparse_file_is_refused_unread(pair, tmp_path):
    ours, theirs = pair
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(MAX_MESSAGE + 1)
        socket.send_fds(theirs, [b'{"type": "result", "by_fd": true}'], [file.fileno()])
    with pytest.raises(ChannelError, match="at most"):
        receive(ours)


def test_nan_is_not_sent(pair):
    with pytest.raises(ChannelError, match="not JSON compliant"):
        SocketChannel(pair[1]).send({"type": "result", "value": float("nan")})


@pytest.fixture
def stream_pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channels = StreamChannel.over(ours), StreamChannel.over(theirs)
        yield channels
        for channel in channels:
            channel.close()


def test_a_stream_carries_the_same_messages(stream_pair):
    ours, theirs = stream_pair
    for message in ({"type": "step", "info": "é"}, {"type": "result", "value": "x" * 100_000}):
        theirs.send(message)
        assert ours.receive() == message
    ours.send({"type": "request"})
    assert theirs.receive() == {"type": "request"}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b"\x00\x00", "in the middle"),
        (b"\x00\x00\x00\x09{}", "in the middle"),
        (b"\xff\xff\xff\xff", "larger than"),
        (b"\x00\x00\x00\x02[]", "not a JSON object"),
    ],
)
def test_a_broken_stream_is_refused(written, reason):
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(written)
        theirs.close()
        channel = StreamChannel.over(ours)
        with pytest.raises(ChannelError, match=reason):
            channel.receive()
        channel.close()


def test_a_closed_stream_reads_as_none():
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        channel = StreamChannel.over(ours)
        assert channel.receive() is None
        channel.close()


def test_messages_are_plain_json_text(pair):
    ours, theirs = pair
    SocketChannel(theirs).send({"type": "step", "info": "é"})
    assert json.loads(ours.recv(1000)) == {"type": "step", "info": "é"}
