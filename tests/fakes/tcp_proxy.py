"""A TCP proxy in front of a Unix socket, which can be made to forward nothing, or to refuse: a network that fails."""

import selectors
import socket
import threading
from contextlib import suppress

_CHUNK = 65536


class TcpProxy:
    """Forwards, on a port of 127.0.0.1; a context manager.

    `mode` may be set at any time: "ok"; "black hole": whoever is connected, or connects, hears nothing; "refuse":
    connections are closed. `cut` makes a black hole of the connections there are; new ones are forwarded.
    """

    def __init__(self, path):
        self._path = path
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.mode = "ok"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._other = {}
        self._cutting = False
        self._dead = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        for line in list(self._other):
            self._close(line)
        for line in self._dead:
            line.close()
        self._selector.close()
        self._listening.close()

    def cut(self):
        self._cutting = True

    def _bury(self):
        """Nobody reads them any more, and nobody closes them."""
        self._cutting = False
        for line in list(self._other):
            self._selector.unregister(line)
            self._dead.append(line)
            del self._other[line]

    def _run(self):
        while not self._ended.is_set():
            ready = self._selector.select(0.05)
            if self._cutting:
                self._bury()
                continue
            if self.mode == "black hole":
                # What is sent stays in the kernel's buffers, and so it would in a network that drops it.
                self._ended.wait(0.05)
                continue
            if self.mode == "refuse":
                for line in list(self._other):
                    self._close(line)
            for key, _ in ready:
                if key.fileobj is self._listening:
                    self._accept()
                elif key.fileobj in self._other:
                    self._forward(key.fileobj)

    def _accept(self):
        client, _ = self._listening.accept()
        if self.mode == "refuse":
            client.close()
            return
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._path)
        except OSError:
            client.close()
            server.close()
            return
        for line, other in ((client, server), (server, client)):
            self._other[line] = other
            self._selector.register(line, selectors.EVENT_READ)

    def _forward(self, line):
        try:
            data = line.recv(_CHUNK)
            if data:
                self._other[line].sendall(data)
                return
        except OSError:
            pass
        self._close(line)

    def _close(self, line):
        for each in (line, self._other.get(line)):
            if each is not None and self._other.pop(each, None) is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(each)
                each.close()
