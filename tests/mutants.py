"""``python -m tests.mutants [word]``: plants the faults of ``tests.faults`` in copies of the service, one a copy.

A fault that the named tests do not find has survived, and says what they are worth. Before any fault the same tests
run on an untouched copy: tests that fail anyhow find nothing. ``word`` picks the faults whose name or file has it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from rich.progress import Progress

from tests.faults import FAULTS, Fault

REPOSITORY = Path(__file__).parents[1]
COPIED = ("consent_service", "clients", "tests", "openapi", "pyproject.toml")
AT_ONCE = min(2, os.cpu_count() or 1)
LONGEST_SECONDS = 600

PASSED, FAILED = 0, 1  # pytest's exit codes; any other says that the run itself went wrong

Verdict = Literal["killed", "survived", "broken", "misplaced"]


@contextmanager
def copy() -> Iterator[Path]:
    """The repository; with what Python compiled, which it compiles anew for a file that was changed."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        for name in COPIED:
            source, target = REPOSITORY / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.egg-info"))
            else:
                shutil.copy(source, target)
        yield Path(folder)


def run(folder: Path, tests: Iterable[str], *, untouched: bool = False) -> int:
    """Run ``tests`` in ``folder``; pytest's exit code. A run that does not end in time has found something.

    Says why a run went wrong: one that could not begin, or one of an ``untouched`` copy that failed.
    """
    named = list(tests)
    database = "postgresql" if "postgresql" in named else "not postgresql"
    files = [test for test in named if test != "postgresql"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", database, *files]
    patience = None if untouched else LONGEST_SECONDS
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return FAILED
    if ended.returncode not in ({PASSED} if untouched else {PASSED, FAILED}):
        sys.stderr.write(ended.stdout.decode()[-2000:] + ended.stderr.decode()[-1000:])
    return ended.returncode


def whole(faults: Iterable[Fault]) -> bool:
    """Whether the tests of all ``faults`` pass without any."""
    on: dict[bool, set[str]] = {True: set(), False: set()}
    for fault in faults:
        on["postgresql" in fault.tests] |= set(fault.tests)
    with copy() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda tests: run(folder, sorted(tests), untouched=True), filter(None, on.values()))
        return all(code == PASSED for code in runs)


def plant(folder: Path, fault: Fault) -> None:
    """Change the file. Raises ValueError if the code is not (any more) as the fault says."""
    path = folder / fault.file
    text = path.read_text()
    for before, after in fault.changes:
        if text.count(before) != 1:
            raise ValueError(f"{fault.file}: '{fault.what}' does not fit the code; say anew where it is")
        text = text.replace(before, after)
    path.write_text(text)
    compile(text, str(path), "exec")


def judge(fault: Fault) -> Verdict:
    """Whether the tests find the fault."""
    with copy() as folder:
        try:
            plant(folder, fault)
        except (ValueError, SyntaxError):
            return "misplaced"
        return {PASSED: "survived", FAILED: "killed"}.get(run(folder, fault.tests), "broken")  # type: ignore[return-value]  # the values are verdicts


def main(word: str) -> int:
    """Judge every fault; 0 if all were killed."""
    chosen = [fault for fault in FAULTS if word in fault.what or word in fault.file]
    began, verdicts = time.monotonic(), Counter[Verdict]()
    with Progress() as progress, ThreadPoolExecutor(AT_ONCE) as pool:
        sound = progress.add_task("untouched", total=None)
        if not whole(chosen):
            print("The tests fail without any fault: nothing can be said.")
            return 2
        progress.remove_task(sound)
        task = progress.add_task("faults", total=len(chosen))
        for fault, verdict in zip(chosen, pool.map(judge, chosen), strict=True):
            progress.advance(task)
            verdicts[verdict] += 1
            progress.console.print(f"{verdict:9} {fault.file.removeprefix('consent_service/')}: {fault.what}")
    killed = verdicts["killed"]
    print(f"{len(chosen)} faults planted, {killed} killed, {len(chosen) - killed} survivors")
    print(f"{time.monotonic() - began:.0f} s")
    return int(killed < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
