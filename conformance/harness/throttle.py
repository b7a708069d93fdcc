"""A slow network between an encoder and the server."""

import socket
import threading
import time
from urllib.parse import urlsplit, urlunsplit


class Throttle:
    """Relays connections to a local port; from `limit()` on, what clients send gets
    through at so many bytes a second, all connections together."""

    def __init__(self, port: int):
        self.target = ("127.0.0.1", port)
        self.bytes_per_second: int | None = None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def limit(self, bytes_per_second: int | None):
        self.bytes_per_second = bytes_per_second

    def url(self, url: str) -> str:
        """The same URL, through this network."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rsplit(':', 1)[0]}:{self.port}"))

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            # Small buffers, or seconds of media are on their way when the limit comes.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            threading.Thread(target=self._relay, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, False), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, limited: bool):
        try:
            while data := source.recv(4096):
                if limited and self.bytes_per_second:
                    with self._lock:
                        time.sleep(len(data) / self.bytes_per_second)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()
