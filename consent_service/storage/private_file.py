"""A database file is the service's own: nobody else on the machine needs to read even what is sealed."""

import os


def make_private(path: str) -> None:
    """Make ``path`` with mode 0600 if it is not there; SQLite gives its log beside it the same mode. One that is
    there keeps its mode: its operator has decided.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError:
        return  # it is there, or it can't be made: then opening it says so
