"""The faults that ``make mutants`` plants are faults of this code: they fit it, and their tests are there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults import FAULTS, Fault
from tests.mutants import plant

REPOSITORY = Path(__file__).parents[2]


def test_there_are_enough_and_each_is_one_of_its_kind() -> None:
    """No two change the same thing in the same way, and no two have one name in one file."""
    assert len(FAULTS) >= 100
    assert max(Counter((fault.file, fault.what) for fault in FAULTS).values()) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_it_fits_the_code(fault: Fault, tmp_path: Path) -> None:
    """What it changes stands exactly once in its file, what comes of it compiles, and what must find it exists."""
    copy = tmp_path / fault.file
    copy.parent.mkdir(parents=True)
    copy.write_text((REPOSITORY / fault.file).read_text())
    plant(tmp_path, fault)
    assert fault.tests
    assert all(test == "postgresql" or (REPOSITORY / test).exists() for test in fault.tests)
