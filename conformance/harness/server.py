"""The server under test: the real binary, on a free port, with a data folder of its own."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from . import paths

ACCESS_KEY, SECRET_KEY = "test", "test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`with Server() as server:` runs it and stops it. The port and the data folder outlive `kill()` and `start()`."""

    def __init__(self, name: str = "server", arguments: list[str] = (), command: str = "serve", prefix: list[str] = ()):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = Path(tempfile.mkdtemp(prefix="openmediapackage-"))
        self.arguments = list(arguments)
        self.command = command
        self.prefix = list(prefix)
        paths.LOGS.mkdir(parents=True, exist_ok=True)
        self.log_path = paths.LOGS / f"{name}.log"
        self.log_path.write_text("")
        self.process = None
        self.output = []
        self.seconds_to_ready = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def start(self, timeout: float = 20):
        """Starts it and returns once it has printed `Ready.`."""
        command = [*self.prefix, str(paths.binary()), self.command, "--listen", f"127.0.0.1:{self.port}",
                   "--data-dir", str(self.data_dir), *self.arguments]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENMEDIAPACKAGE_")}
        environment.setdefault("RUST_LOG", "info")
        ready = threading.Event()
        log = open(self.log_path, "a")
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
                                   stdin=subprocess.DEVNULL)
        self.process = process

        def read():
            for line in process.stdout:
                self.output.append(line.rstrip())
                log.write(line)
                log.flush()
                if line.startswith("Ready."):
                    self.seconds_to_ready = time.monotonic() - started
                    ready.set()
            ready.set()
            log.close()

        threading.Thread(target=read, daemon=True).start()
        if not ready.wait(timeout) or process.poll() is not None:
            self.kill()
            raise RuntimeError(f"the server did not get ready: {self.log_path.read_text()[-600:]}")

    def kill(self):
        """kill -9."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self, timeout: float = 10) -> int | None:
        """SIGTERM, and the exit status; kill -9 when that does not help in time."""
        if not self.process or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def resident_bytes(self) -> int:
        """VmRSS."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def get(self, url: str, headers: dict | None = None, method: str = "GET") -> "Answer":
        """One request on a connection of its own; `url` is whole or a path."""
        path = url.removeprefix(self.url)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read())
        finally:
            connection.close()


class Answer:
    """Status, headers with lower-case names, body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()
