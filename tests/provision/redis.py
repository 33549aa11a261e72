"""A real Redis for the tests of limits: the system's own, installed where it may be; on loopback, in memory alone."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.provision.debian import install
from tests.provision.postgresql import die_with_parent


@dataclass
class Redis:
    """A server with a password; ``url`` is how it is reached."""

    binary: Path
    port: int
    password: str = field(default_factory=secrets.token_hex)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """With the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        silent = ["--logfile", "/dev/null", "--dir", tempfile.gettempdir(), "--requirepass", self.password]
        self._process = subprocess.Popen(
            [self.binary, *options, *silent],
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, and no other thread forks here
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("Redis does not answer")

    def kill(self) -> None:
        """Without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def find_redis() -> Path | None:
    """Where the system's Redis is, or None."""
    path = shutil.which("redis-server")
    return Path(path) if path else None


@contextmanager
def redis() -> Iterator[Redis]:
    """A server until the block ends. Raises RuntimeError where there is none and none may be installed."""
    binary = find_redis() or install("redis-server", find_redis)
    if binary is None:
        raise RuntimeError("the tests of limits need Redis: install it so that redis-server is on PATH")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Redis(binary, port)
    server.start()
    try:
        yield server
    finally:
        server.kill()
