"""A store that answers every command with one error, as a real one does while it loads, or when its disk is full."""

import socketserver
import threading


class _Line(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            # A connection is made all the same.
            greets = words[0].upper() in (b"CLIENT", b"SELECT") and not self.server.error.startswith("LOADING")
            self.wfile.write(b"+OK\r\n" if greets else f"-{self.server.error}\r\n".encode())


class RefusingStore(socketserver.ThreadingTCPServer):
    """Listens on a free port; a context manager. `error` is the line after the dash."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, error):
        super().__init__(("127.0.0.1", 0), _Line)
        self.error = error
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.server_address[1]}/0"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()
