"""A large body on its way: received and written at the same time."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from starlette.requests import ClientDisconnect, Request

from pixyz_scheduler.api.upload import receive
from pixyz_scheduler.errors import StorageFull
from pixyz_scheduler.storage.share import Share

MIB = 1 << 20
HEAD = b'--part\r\nContent-Disposition: form-data; name="file"; filename="in.bin"\r\n\r\n'
TAIL = b"\r\n--part--\r\n"
PATIENCE = 20.0


class Taking:
    """As much of a scheduler as an upload needs; each write first calls `before`."""

    def __init__(self, folder, before):
        self.share, self.before, self.sizes = Share(folder), before, []

    def check(self, *, coming):
        pass

    @contextmanager
    def incoming(self):
        with self.share.incoming() as incoming:
            create = incoming.create

            def watched(*arguments):
                file = create(*arguments)
                write = file.write
                file.write = lambda data: (self.before(), write(data))
                return file

            incoming.create = watched
            yield incoming

    def submit(self, _, incoming, **_hold):
        self.sizes = [path.stat().st_size for path in incoming.path.rglob("in.bin")]
        return "accepted"


def upload(scheduler, messages, on_receive=lambda _: None):
    """Receive a body that comes in these messages."""
    headers = [(b"content-type", b"multipart/form-data; boundary=part"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/jobs", "headers": headers, "query_string": b""}
    number = 0

    async def told():
        nonlocal number
        on_receive(number)
        message, number = messages[number], number + 1
        return message

    return asyncio.run(receive(Request(scope, told), scheduler, max_size=0))


def parts(*bodies):
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": at < last} for at, body in enumerate(bodies)]


def test_the_next_part_is_received_while_the_last_one_is_written(tmp_path):
    second_asked_for, waited = threading.Event(), []
    scheduler = Taking(tmp_path, lambda: waited.append(second_asked_for.wait(PATIENCE)))
    messages = parts(HEAD + bytes(MIB), bytes(MIB), bytes(MIB), TAIL)

    def on_receive(number):
        if number == 1:
            second_asked_for.set()

    assert upload(scheduler, messages, on_receive) == "accepted"
    assert waited[0], "the second part was asked for only once the first was written"
    assert scheduler.sizes == [3 * MIB]


def test_a_part_that_cannot_be_written_ends_the_upload_and_leaves_nothing(tmp_path):
    def full():
        raise StorageFull("no room")

    with pytest.raises(StorageFull):
        upload(Taking(tmp_path, full), parts(HEAD + bytes(MIB), bytes(MIB), bytes(MIB), TAIL))
    assert list(tmp_path.rglob("in.bin")) == []


def test_a_client_that_leaves_in_mid_write_leaves_nothing(tmp_path):
    left, at_work = threading.Event(), []

    def before():
        at_work.append(left.wait(PATIENCE))

    def on_receive(number):
        if number == 1:
            left.set()

    messages = [*parts(HEAD + bytes(MIB), bytes(MIB))[:1], {"type": "http.disconnect"}]
    with pytest.raises(ClientDisconnect):
        upload(Taking(tmp_path, before), messages, on_receive)
    assert at_work == [True]
    assert list(tmp_path.rglob("in.bin")) == []
