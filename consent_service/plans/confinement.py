"""What a press may use, seen from inside it, and how it ends. It imports nothing that is slow to load."""

import resource
import sys
from typing import Final

REFUSED: Final = 2
"""The exit status of a press that will not make this PDF."""
CPU_SECONDS: Final = 20
MEMORY_BYTES: Final = 1024**3


def bound() -> None:
    """What this process may use at most, whatever it is given: time, memory; no file, no core dump."""
    for kind, limit in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def answer(pdf: bytes) -> int:
    """Hand out the PDF; the exit status."""
    sys.stdout.buffer.write(pdf)
    sys.stdout.buffer.flush()
    return 0


def refuse(reason: str) -> int:
    """Hand out why not, in a word; the exit status."""
    sys.stdout.write(reason)
    return REFUSED
