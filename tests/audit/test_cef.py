"""A line of NAV's audit log: read back by a reader of its own, whatever anybody wrote into it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from consent_service.audit.cef import Shown, line

KARI = "21879498012"
NOON = 1_780_000_000_123_456
ANYTHING = st.text(st.characters() | st.sampled_from("\\|=\n\r\t \x00\x85\u2028\ud800"))


def shown(employee: str = "A123456", message: str = "Ansatt leste det du har delt", trace: str = "r1") -> Shown:
    """Kari's note, shown to an employee."""
    return Shown(employee=employee, national_id=KARI, message=message, at=NOON, trace=trace)


def split(text: str, at: str, most: int) -> list[str]:
    """``text`` split where ``at`` is not escaped, at most so often."""
    found: list[str] = []
    begun, escaped = 0, False
    for place, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == at and len(found) < most:
            found.append(text[begun:place])
            begun = place + 1
    return [*found, text[begun:]]


def plain(text: str) -> str:
    """``text`` without its escapes."""
    return re.sub(r"\\(.)", lambda one: "\n" if one[1] == "n" else one[1], text)


def read(text: str) -> tuple[list[str], dict[str, str]]:
    """The header's fields, and the extension's, as the format's description has them."""
    *head, extension = split(text, "|", 7)
    name, *rest = split(extension, "=", len(extension))
    fields = {}
    for value in rest[:-1]:
        fields[name], name = value.rsplit(" ", 1)
    fields[name] = rest[-1]
    return [plain(one) for one in head], {name: plain(value) for name, value in fields.items()}


def tame(text: str, line_break: str) -> str:
    """``text`` as it may be written: its line breaks as they are in this place, other control characters as spaces."""
    broken = re.split("\r\n|[\n\r\v\f\x85\u2028\u2029]", text)
    return line_break.join(re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", one) for one in broken)


def test_the_line_is_as_nav_has_it() -> None:
    """Header and fields in full, the instant in milliseconds."""
    assert line("Trondelagsmodellen", "consent-service", shown()) == (
        "CEF:0|Trondelagsmodellen|consent-service|1.0|audit:read|Auditlogg|INFO|"
        "suid=A123456 duid=21879498012 end=1780000000123 flexString1Label=Decision flexString1=Permit"
        " cs3Label=release cs3=r1 msg=Ansatt leste det du har delt"
    )


def test_what_ends_a_field_is_escaped() -> None:
    """As NAV's own library escapes it: a header's bar, an extension's equals sign and line break, and the backslash."""
    written = line("a|b\\c", "d=e", shown(message="f=g\\h|i\nj"))
    assert written.startswith("CEF:0|a\\|b\\\\c|d=e|1.0|")
    assert written.endswith("msg=f\\=g\\\\h|i\\nj")


@given(vendor=ANYTHING, product=ANYTHING, employee=ANYTHING, message=ANYTHING, trace=ANYTHING)
def test_whatever_is_in_a_field_it_is_one_line_that_says_just_that(
    vendor: str, product: str, employee: str, message: str, trace: str
) -> None:
    """No text ends its field, makes another one, or begins another line."""
    written = line(vendor, product, shown(employee, message, trace))
    assert written.encode()
    assert written.splitlines() == [written]
    head, fields = read(written)
    assert head == ["CEF:0", tame(vendor, " "), tame(product, " "), "1.0", "audit:read", "Auditlogg", "INFO"]
    assert fields == {
        "suid": tame(employee, "\n"),
        "duid": KARI,
        "end": "1780000000123",
        "flexString1Label": "Decision",
        "flexString1": "Permit",
        "cs3Label": "release",
        "cs3": tame(trace, "\n"),
        "msg": tame(message, "\n"),
    }


def test_nothing_of_it_shows_in_a_traceback() -> None:
    """Who looked, and at whom, is for NAV's log alone."""
    assert KARI not in repr(shown())
    assert "A123456" not in repr(shown())
