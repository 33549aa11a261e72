"""The demo's processes start, are watched, and end by their handles."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from consent_service.cli import units
from consent_service.cli.demo import NOT_EMPTY, run
from consent_service.cli.demo_processes import free_ports, operate, running, wait_until_up
from consent_service.cli.demo_telling import DoesNotHold


def test_free_ports_differ() -> None:
    """No two servers of the demo get the same port."""
    assert len(set(free_ports(20))) == 20


def test_a_process_ends_with_its_block_and_leaves_its_log(tmp_path: Path) -> None:
    """What was started is ended, also when the block fails, and what it printed can be read."""
    log = tmp_path / "log"
    started: list[subprocess.Popen[bytes]] = []
    port = free_ports(1)[0]

    def fail_inside() -> None:
        with running(["http.server", str(port), "--bind", "127.0.0.1"], log) as process:
            started.append(process)
            wait_until_up("it", process, f"http://127.0.0.1:{port}/", log)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_inside()
    assert started[0].returncode is not None
    assert "GET / " in log.read_text()


def test_a_process_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """A process that ignores the request to end does not outlive the demo."""
    (tmp_path / "deaf.py").write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    environ = {"PYTHONPATH": str(tmp_path)}
    with running(["deaf"], tmp_path / "log", environ, ends_within=0.2) as process:
        while "deaf" not in (tmp_path / "log").read_text():
            time.sleep(0.01)
    assert process.returncode == -9


def test_a_process_that_ends_too_early_is_reported_at_once(tmp_path: Path) -> None:
    """Nobody waits for a server that has already ended; the log is named."""
    log = tmp_path / "log"
    with running(["no_such_module"], log) as process, pytest.raises(DoesNotHold, match="ended with status 1; see"):
        wait_until_up("it", process, "http://127.0.0.1:9/", log)


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    """What an operator's command complains of reaches whoever runs the demo; the environment is as it was."""
    before = dict(os.environ)
    with pytest.raises(DoesNotHold, match="CONSENT_ENVIRONMENT is not set"):
        operate(units.app, ["list"], {"HOME": str(tmp_path)})
    assert dict(os.environ) == before


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    """The demo starts in an empty folder: what another one left is neither used nor removed."""
    (tmp_path / "keyring.json").write_text("{}")
    assert run(tmp_path, exit_after=True) == NOT_EMPTY
    assert [file.name for file in tmp_path.iterdir()] == ["keyring.json"]
