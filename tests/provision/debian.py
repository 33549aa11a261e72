"""What the tests need of the system, installed where it may be."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path


def install(package: str, find: Callable[[], Path | None]) -> Path | None:
    """What ``find`` finds once ``package`` is installed: if this is root on a Debian, else None. Starts no service."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with Path(tempfile.gettempdir(), f"consent-{package}.lock").open("w") as lock:
        flock(lock, LOCK_EX)  # the tests run in two processes, and apt-get would turn the second away
        if find() is None:
            for step in (["update"], ["install", "--yes", "--no-install-recommends", package]):
                subprocess.run(["apt-get", "--quiet", *step], check=True, env=environment)
        return find()
