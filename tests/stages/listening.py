"""Servers of tests on free ports of 127.0.0.1, whose threads end with the `with` block."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def end(thread: threading.Thread, *sockets: socket.socket) -> None:
    """End the thread that waits in these; closing alone would leave it there, and its port open."""
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
    thread.join(20)
    assert not thread.is_alive(), thread


@contextmanager
def listening(welcome: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that gives each guest to `welcome`, one after the other."""

    def serve() -> None:
        while True:
            try:
                guest, _ = listener.accept()
            except OSError:
                return
            with guest, suppress(OSError):
                welcome(guest)

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        end(thread, listener)


@contextmanager
def serving_http(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
