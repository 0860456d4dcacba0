"""Channel: the two-way line between a child and its supervisor; messages are JSON objects.

Child to supervisor:

    {"type": "progress_total", "total": 3}
    {"type": "step", "info": "Importing", "time": 1732277000.25}        seconds since the epoch
    {"type": "progress_output", "value": any JSON}
    {"type": "progress_stop"}
    {"type": "preparing"}                                               before the script: its clocks do not run yet
    {"type": "prepared"}                                                they do
    {"type": "hindered", "reason": "..."}                               last: the surroundings failed, not the script
    {"type": "result", "value": any JSON}                               last
    {"type": "awaits", "result": expression of jobs/workflow.py}        last
    {"type": "error", "kind": "script" | "syntax" | "import" | "result",
     "error": "ValueError: one line", "traceback": "..."}               last
    {"type": "hindered", "reason": "no licence"}                        last: it is to be tried again

    {"type": "call", ...}                                               see `farm_line.py`

The last one of a script also says when it began: "began", seconds of the machine's monotonic clock.

Supervisor to child: one request (see `attempt.py`), then answers to calls.

The reader must take every message for hostile: the user's code holds the writing end too.
"""

import array
import contextlib
import errno
import json
import math
import os
import re
import socket
import stat
import struct
import tempfile
import threading
from typing import Any, BinaryIO, NoReturn, Protocol

from pixyz_scheduler.errors import SchedulerError

MAX_PACKET = 128 * 1024
"""Bytes of one packet. Larger messages go by a file: Linux's default socket buffer takes about 200 KB."""

MAX_MESSAGE = 80 * 1024 * 1024
"""Bytes of the largest message read: the largest result (64 MiB) and its wrapping."""

_MAX_DESCRIPTORS = 4
_DESCRIPTOR = array.array("i")
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
# Written as an escape: a lone one passes as JSON, and can then be stored nowhere.
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
_LENGTH = struct.Struct(">I")


class ChannelError(SchedulerError):
    """What came over the channel is no message of ours."""


class Channel(Protocol):
    """What a script's host needs of its line to the supervisor."""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message, whole."""


class TwoWayChannel(Channel, Protocol):
    """A channel that is read, too."""

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end is closed."""


class SocketChannel:
    """Messages as packets over an AF_UNIX SOCK_SEQPACKET socket; any thread and any fork may send."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; waits while the reader is behind."""
        packet = encode(message)
        if len(packet) > MAX_PACKET:
            self._send_by_file(message, packet)
            return
        try:
            self._sock.send(packet)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self._send_by_file(message, packet)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end is closed."""
        return receive(self._sock)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What it is made of, for a program that goes on with it."""
        return (self._sock.fileno(),)

    def close(self) -> None:
        """Close this end."""
        self._sock.close()

    def _send_by_file(self, message: dict[str, Any], packet: bytes) -> None:
        note = encode({"type": str(message.get("type")), "by_fd": True})
        with _anonymous_file() as file:
            file.write(packet)
            file.flush()
            socket.send_fds(self._sock, [note], [file.fileno()])


class StreamChannel:
    """Messages behind a four-byte length, over two byte streams: where SEQPACKET is missing. Any thread may send."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._one_at_a_time = threading.Lock()

    @classmethod
    def over(cls, sock: socket.socket) -> "StreamChannel":
        """The channel over a connected stream socket."""
        return cls(sock.makefile("rb"), sock.makefile("wb"))

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; waits while the reader is behind."""
        packet = encode(message)
        with self._one_at_a_time:
            self._writer.write(_LENGTH.pack(len(packet)) + packet)
            self._writer.flush()

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end is closed."""
        head = self._reader.read(_LENGTH.size)
        if not head:
            return None
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        if length > MAX_MESSAGE:
            raise ChannelError(f"A message of {length} bytes is larger than {MAX_MESSAGE}.")
        packet = self._reader.read(length)
        if len(head) < _LENGTH.size or len(packet) < length:
            raise ChannelError("The channel was closed in the middle of a message.")
        return decode(packet)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What it is made of, for a program that goes on with it."""
        return self._reader.fileno(), self._writer.fileno()

    def close(self) -> None:
        """Close both streams."""
        self._writer.close()
        self._reader.close()


def receive(sock: socket.socket) -> dict[str, Any] | None:
    """The next message of a SEQPACKET socket; None when the other end is closed.

    Waits unless the socket is non-blocking (`recv_fds` of Python 3.11 ignores its flags, so MSG_DONTWAIT is no way).

    Raises:
        BlockingIOError: nothing there yet, on a non-blocking socket.
        ChannelError: not a message of ours.
    """
    size = _MAX_DESCRIPTORS * _DESCRIPTOR.itemsize
    try:
        packet, ancillary, flags, _ = sock.recvmsg(MAX_PACKET + 1, socket.CMSG_LEN(size), _CLOSE_ON_EXEC)
    except ConnectionResetError:
        return None
    descriptors = _descriptors(ancillary)
    try:
        if not packet and not descriptors:
            return None
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ChannelError(f"A packet is larger than {MAX_PACKET} bytes.")
        message = decode(packet)
        if not message.get("by_fd"):
            return message
        if len(descriptors) != 1:
            raise ChannelError("A message by file came without its file.")
        return decode(_content(descriptors[0]))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def encode(message: dict[str, Any]) -> bytes:
    """One message as JSON text in UTF-8.

    Raises:
        ChannelError: it is larger than any reader takes, or holds what JSON in UTF-8 cannot.
    """
    try:
        packet = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise ChannelError(f"The {message.get('type')} cannot be sent: {error}") from error
    if len(packet) > MAX_MESSAGE:
        raise ChannelError(f"The {message.get('type')} takes {len(packet)} bytes; at most {MAX_MESSAGE} are allowed.")
    return packet


def decode(packet: bytes) -> dict[str, Any]:
    """The message in JSON text.

    Raises:
        ChannelError: not a JSON object.
    """
    try:
        message = json.loads(packet.decode(), parse_constant=_refuse_constant, parse_float=_finite)
        if _HALF_CHARACTER.search(packet):
            json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ChannelError(f"A message is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ChannelError("A message is not a JSON object.")
    return message


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is more than a number can be")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()


def _content(descriptor: int) -> bytes:
    """What the file holds; never waits, whatever a hostile child has passed (a pipe would block its reader)."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_MESSAGE:
        raise ChannelError(f"A message by file must be a plain file of at most {MAX_MESSAGE} bytes.")
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read(MAX_MESSAGE)


def _anonymous_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # refused by some sandboxes: a temporary file does as well
            return os.fdopen(os.memfd_create("pixyz-message", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()
