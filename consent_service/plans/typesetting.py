"""The press: a process of its own that sets one plan and ends.

It runs apart from the service, because a document is content from outside: here it has bounded memory and time, no
open files beyond its own, nothing written but the PDF on its output, and leaves no core dump. It reads JSON on its
input, so that no word of a plan ever stands in an argument list, and says nothing on its error output, since typst
quotes what it complains about.

::

    in    {"plan": words, "timestamp": seconds, "standards": ["ua-1"]}
    out   the PDF, and exit status 0;  2 when typst refused the content
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, Final

import typst

from consent_service.plans.glyphs import FONTS, UNKNOWN, displayable

REFUSED: Final = 2
CPU_SECONDS: Final = 20
MEMORY_BYTES: Final = 1024**3

_TEMPLATE: Final = Path(__file__).with_name("plan.typ")


def set_plan(order: dict[str, Any]) -> bytes:
    """The PDF of ``order``: the same order gives the same bytes. Raises typst.TypstError."""
    shown = _displayable(order["plan"])
    told = json.dumps(shown | {"replaced": UNKNOWN in json.dumps(shown["sections"], ensure_ascii=False)})
    compiler = typst.Compiler(
        _TEMPLATE.read_bytes(),
        root=FONTS,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS]),
        ignore_system_fonts=True,
        sys_inputs={"plan": told},
        package_path=FONTS,
        package_cache_path=FONTS,
    )
    pdf = compiler.compile(format="pdf", pdf_standards=order["standards"], timestamp=order["timestamp"])
    assert isinstance(pdf, bytes)
    return pdf


def _displayable(value: Any) -> Any:
    if isinstance(value, str):
        return displayable(value)
    if isinstance(value, list):
        return [_displayable(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _displayable(inner) for key, inner in value.items()}
    return value


def bound() -> None:
    """What this process may use at most, whatever it is given."""
    for kind, limit in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def main() -> int:
    """Set the plan on standard input; its PDF goes to standard output."""
    bound()
    try:
        pdf = set_plan(json.load(sys.stdin.buffer))
    except typst.TypstError:
        return REFUSED
    os.write(1, pdf)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
