"""Sets one plan, in a press of its own (see ``press``).

::

    in    {"plan": words, "timestamp": seconds, "standards": ["ua-1"]}
    out   the PDF, or that typst refused the content
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import typst

from consent_service.plans.confinement import answer, bound, refuse
from consent_service.plans.glyphs import FONTS, UNKNOWN, displayable

_PLAN: Final = Path(__file__).with_name("plan.typ")
_BAND: Final = Path(__file__).with_name("band.typ")


def set_plan(order: dict[str, Any]) -> bytes:
    """The PDF of ``order``: the same order gives the same bytes. Raises typst.TypstError."""
    shown = _displayable(order["plan"])
    said = json.dumps(shown | {"undisplayable": None}, ensure_ascii=False)
    told = json.dumps(shown | {"replaced": UNKNOWN in said})
    return _compile(_PLAN, {"plan": told}, order["timestamp"], order["standards"], tagged=True)


def set_bands(band: dict[str, Any], at: int) -> bytes:
    """A page for each of ``band["sizes"]``, empty but for the line that says on top that the plan is tentative."""
    return _compile(_BAND, {"band": json.dumps(_displayable(band))}, at, [], tagged=False)


def _compile(template: Path, inputs: dict[str, str], at: int, standards: Sequence[Any], *, tagged: bool) -> bytes:
    compiler = typst.Compiler(
        template.read_bytes(),
        root=FONTS,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS]),
        ignore_system_fonts=True,
        sys_inputs=inputs,
        package_path=FONTS,
        package_cache_path=FONTS,
    )
    pdf = compiler.compile(format="pdf", pdf_standards=list(standards), timestamp=at, pdf_tags=tagged)
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


def main() -> int:
    """Set the plan on standard input."""
    bound()
    try:
        return answer(set_plan(json.load(sys.stdin.buffer)))
    except typst.TypstError:
        return refuse("")


if __name__ == "__main__":
    raise SystemExit(main())
