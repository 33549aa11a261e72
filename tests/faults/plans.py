"""Plans: a PDF that is believed, a correction for more than her."""

from __future__ import annotations

from tests.faults.fault import in_room

OWN_PDF = "tests/plans/test_own_pdf.py"
VERSIONS = "tests/plans/test_versions.py"

FAULTS = (
    in_room(
        "plans/rebuilding",
        "a PDF is rebuilt without being looked through",
        "        inspect(pdf)\n",
        "        len(pdf.pages)\n",
        OWN_PDF,
    ),
    in_room(
        "plans/rebuilding",
        "a page may undo the band",
        "            if depths[pair[0]] < 0:",
        "            if depths[pair[0]] < -99:",
        OWN_PDF,
    ),
    in_room(
        "plans/inspecting",
        "an action may be followed by another",
        '    if does != "/GoTo" or "/Next" in action:',
        '    if does != "/GoTo":',
        OWN_PDF,
    ),
    in_room(
        "plans/inspecting",
        "a form counts once, however often it is drawn",
        "    pieces = len(raw) // 16 + len(_DRAWS.findall(raw)) * max(inner, default=0)",
        "    pieces = len(raw) // 16 + max(inner, default=0)",
        OWN_PDF,
    ),
    in_room(
        "plans/answering",
        "a plan that never came may be corrected after the end",
        "    if alone and not await _was_delivered(view, earlier, consent_id):",
        "    if alone and earlier is None:",
        VERSIONS,
    ),
    in_room(
        "plans/push",
        "a correction after the end goes to the mailbox too",
        "    if found.alone:\n",
        "    if found.alone and version is None:\n",
        VERSIONS,
    ),
    in_room(
        "plans/push",
        "a correction for her pages alone lets go what it corrects",
        "        await letters.supersede(tx, desk.keys, head, version.id, version.version, now=at)\n",
        "",
        VERSIONS,
    ),
    in_room(
        "plans/newer",
        "a unit hears of a newer plan while she lets nothing out",
        'consent.state == "granted"',
        'consent.state in ("granted", "paused")',
        VERSIONS,
    ),
    in_room(
        "plans/newer",
        "a unit hears of a newer plan that there is not",
        "one.version > version",
        "one.version >= version",
        VERSIONS,
    ),
    in_room(
        "plans/pdf",
        "the copy for the archive is of no level that keeps the tags",
        'ARCHIVE: Final = ("a-2a", "ua-1")',
        'ARCHIVE: Final = ("a-2b", "ua-1")',
        "tests/plans/test_conformance.py",
    ),
    in_room(
        "plans/typesetting",
        "what is set is not tagged",
        '{"plan": told}, order["timestamp"], order["standards"], tagged=True)',
        '{"plan": told}, order["timestamp"], [], tagged=False)',
        "tests/plans/test_conformance.py",
    ),
    in_room(
        "plans/questions",
        "an answer to any question is taken",
        "            known = _among(_mark(key, request_id, answer.question_id), marks_known)",
        "            known = True",
        VERSIONS,
    ),
    in_room(
        "plans/questions",
        "an answer to a question that she did not share is taken",
        '            known = f"{_IN_NOTE}:{answer.question_id}" in parts_known',
        "            known = True",
        VERSIONS,
    ),
)
