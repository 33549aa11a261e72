r"""A line of NAV's audit log, in ArcSight's Common Event Format, as NAV's security playbook has it.

::

    CEF:0|vendor|product|1.0|audit:read|Auditlogg|INFO|suid=… duid=… end=… msg=… …

Rules: one line for each content that an employee was shown, of one citizen; none for lists, refusals and machines.
What stands in a field never ends it, nor the line: a header's ``\`` and ``|``, and an extension's ``\``, ``=`` and
line breaks are escaped, and any other control character becomes a space.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_BREAK: Final = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Shown:
    """Content that somebody was shown. ``employee`` is whom the unit names (``suid``); ``at`` is in microseconds.

    ``message`` is for the citizen to understand; ``trace`` finds the release in the citizen's own log.
    """

    employee: str = field(repr=False)
    national_id: str = field(repr=False)
    message: str = field(repr=False)
    at: int
    trace: str


def line(vendor: str, product: str, shown: Shown) -> str:
    """The line, without its end. ``vendor`` and ``product`` are as agreed with NAV, for good.

    The severity is always INFO: whether somebody's address is protected, this service does not know.
    """
    head = ("CEF:0", vendor, product, "1.0", "audit:read", "Auditlogg", "INFO")
    fields = {
        "suid": shown.employee,
        "duid": shown.national_id,
        "end": str(shown.at // 1000),  # milliseconds
        "flexString1Label": "Decision",
        "flexString1": "Permit",
        "cs3Label": "release",
        "cs3": shown.trace,
        "msg": shown.message,
    }
    extension = " ".join(f"{name}={_value(text)}" for name, text in fields.items())
    return "|".join([head[0], *(_header(text) for text in head[1:]), extension])


def _header(text: str) -> str:
    plain = _CONTROL.sub(" ", _BREAK.sub(" ", text))
    return plain.replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return _CONTROL.sub(" ", _BREAK.sub(r"\\n", escaped))
