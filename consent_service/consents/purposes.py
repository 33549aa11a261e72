"""Why data may cross: the purposes, read once from versioned data files.

A purpose says which kinds of parts may go to which kinds of units, for how long, on which legal ground, and in
which words it is put to the candidate. The rule this module keeps: nothing of that stands in code. Texts and
paragraph numbers live in ``purposes/<code>.v<version>.json``, and a file that is incomplete, has a field too
many or contradicts itself stops the service from starting. A published version is never edited: a change is a
new file with the next number, and its ``change`` says whether it is ``major`` (consents are asked for anew) or
``minor``. (design section 2, "Purpose")
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from consent_service.crypto.canonical import canonical
from consent_service.errors import Invalid, Violation

Language = Literal["nb", "nn", "en"]
UnitKind = Literal["career_centre", "nav", "vocational_training"]
RecipientKind = UnitKind | Literal["mailbox"]

LANGUAGES: Final[tuple[Language, ...]] = ("nb", "nn", "en")

# Goes with every consent, and the preview shows it.
IDENTITY: Final = "person.identity"

# A whole plan as a file, for the candidate's own mailbox.
PDF: Final = "plan.pdf"

# The shareable kinds of parts. A kind is "<resource>.<part>"; a question's own id is not part of its kind.
PART_KINDS: Final = frozenset(
    {
        IDENTITY,
        "note.education_and_work",
        "note.interests",
        "note.strengths",
        "note.motivation",
        "note.values",
        "note.needs",
        "note.way_forward",
        "note.question_nav",
        "note.question_vocational_training",
        "mapping_request.wished_trades",
        "mapping_request.schooling_and_practice",
        "mapping_request.background",
        "mapping_request.questions",
        "mapping_request.contact",
        "plan.route",
        "plan.subjects",
        "plan.practice",
        "plan.steps",
        "plan.answers",
        "plan.accommodation",
        "plan.summary",
        PDF,
    }
)

# May tell of health (GDPR art. 9), so no form and no client ticks it on the candidate's behalf.
SENSITIVE_KINDS: Final = frozenset({"note.needs", "plan.accommodation"})

_FOLDER: Final = Path(__file__).with_name("purposes")

Sentence = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
Term = Annotated[str, StringConstraints(pattern=r"^[a-z-]+:[A-Za-z0-9-]+$")]


class PurposesUnusable(Exception):
    """The data files can't be used as they are; the message lists each problem with its file."""


class _Closed(BaseModel):
    """Closed and frozen: an unknown field is an error, and nobody changes a purpose in memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Texts(_Closed):
    """What the candidate reads before she answers, in one language."""

    title: Sentence
    why: Sentence
    recipient_may: Sentence
    after_the_end: Sentence
    saying_no: Sentence
    withdrawal: Sentence


class AllTexts(_Closed):
    """The texts in every language of the service. The same version says the same in each."""

    nb: Texts
    nn: Texts
    en: Texts


class Provision(_Closed):
    """A place in a national law."""

    law: Sentence
    provision: Sentence


class Ground(_Closed):
    """One party's legal ground for its own part in this purpose (GDPR art. 6, art. 9, and national law)."""

    party: Literal["controller", "career_centre", "nav", "vocational_training", "mailbox"]
    role: Literal["holds_for_the_candidate", "wrote_with_the_candidate", "asks", "made_the_plan", "receives"]
    article_6: Annotated[str, StringConstraints(pattern=r"^6\(1\)\([a-f]\)$")]
    article_9: Annotated[str, StringConstraints(pattern=r"^9\(2\)\([a-j]\)$")]
    provisions: Annotated[tuple[Provision, ...], Field(min_length=1)]


class DutyAfterEnd(_Closed):
    """What the recipient must do when the consent ends: for machines; the words are ``after_the_end``."""

    code: Literal["delete_unless_in_case_file", "delete", "kept_for_the_candidate"]
    within_days: Annotated[int, Field(ge=0, le=365)]


class Dpv(_Closed):
    """The purpose in the terms of the W3C Data Privacy Vocabulary, as receipts carry it (ISO/IEC TS 27560)."""

    vocabulary: Sentence
    purpose: Term
    processing: Annotated[tuple[Term, ...], Field(min_length=1)]
    legal_basis: Annotated[tuple[Term, ...], Field(min_length=1)]
    personal_data: Annotated[tuple[Term, ...], Field(min_length=1)]


class Purpose(_Closed):
    """One version of one purpose.

    ``longest_days`` bounds how far ahead a consent may end, counted from the day it is given. ``delivers_on_paper``:
    its words say that a letter may be printed for who has no digital mailbox; versions from before have none of it.
    ``asks_contact_register``: they say that the contact register may be asked about her before a letter is sent.
    ``legal_review`` is ``proposed`` until the controller's lawyer has confirmed grounds and texts.
    """

    format: Literal["purpose/1"]
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{2,40}$")]
    version: Annotated[int, Field(ge=1)]
    change: Literal["major", "minor"]
    legal_review: Literal["proposed", "confirmed"]
    requester_kinds: tuple[UnitKind, ...]
    recipient_kinds: Annotated[tuple[RecipientKind, ...], Field(min_length=1)]
    part_kinds: Annotated[tuple[str, ...], Field(min_length=2)]
    never_preselected: tuple[str, ...]
    secrecy: Literal["own_disclosure", "lifted_by_consent", "statutory_exception"]
    grounds: Annotated[tuple[Ground, ...], Field(min_length=1)]
    longest_days: Annotated[int, Field(ge=1, le=730)]
    default_days: Annotated[int, Field(ge=1)]
    duty_after_end: DutyAfterEnd
    delivers_to_mailbox: bool
    delivers_on_paper: bool = False
    asks_contact_register: bool = False
    dpv: Dpv
    texts: AllTexts

    def admits_kind(self, kind: str) -> bool:
        """Whether parts of ``kind`` may be shared for this purpose."""
        return kind in self.part_kinds

    def admits_recipient(self, kind: str) -> bool:
        """Whether units of ``kind`` may receive for this purpose."""
        return kind in self.recipient_kinds

    def admits_requester(self, kind: str) -> bool:
        """Whether units of ``kind`` may ask the candidate for a consent with this purpose."""
        return kind in self.requester_kinds

    def text(self, language: Language) -> Texts:
        """The words put to the candidate in ``language``."""
        texts: Texts = getattr(self.texts, language)
        return texts

    def text_sha256(self, language: Language) -> str:
        """SHA-256, in hexadecimal, of the exact words shown: the canonical JSON (RFC 8785) of code, version,
        language and texts. Receipts carry it, so that the wording a person answered to can be proved.
        """
        shown = {
            "code": self.code,
            "version": self.version,
            "language": language,
            "texts": self.text(language).model_dump(),
        }
        return hashlib.sha256(canonical(shown)).hexdigest()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        problems = list(_contradictions(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _contradictions(purpose: Purpose) -> Iterator[str]:
    kinds = set(purpose.part_kinds)
    if len(kinds) != len(purpose.part_kinds):
        yield "part_kinds names a kind twice"
    if unknown := kinds - PART_KINDS:
        yield f"part_kinds has unknown kinds: {sorted(unknown)}"
    if IDENTITY not in kinds:
        yield f"part_kinds lacks {IDENTITY}, which goes with every consent"
    if missing := (SENSITIVE_KINDS & kinds) - set(purpose.never_preselected):
        yield f"never_preselected lacks sensitive kinds: {sorted(missing)}"
    if stray := set(purpose.never_preselected) - kinds:
        yield f"never_preselected names kinds that are not admitted: {sorted(stray)}"
    if purpose.default_days > purpose.longest_days:
        yield "default_days exceeds longest_days"
    parties = [ground.party for ground in purpose.grounds]
    if len(set(parties)) != len(parties):
        yield "grounds names a party twice"
    if unfounded := {*purpose.recipient_kinds, *purpose.requester_kinds} - set(parties):
        yield f"grounds lacks: {sorted(unfounded)}"
    if "controller" not in parties:
        yield "grounds lacks the controller that holds the parts for the candidate"


class Purposes:
    """All versions of all purposes, checked as a whole."""

    def __init__(self, purposes: Iterable[Purpose]) -> None:
        """Hold ``purposes``. Raises PurposesUnusable if a code's versions don't count up from 1 without a gap."""
        versions: dict[str, dict[int, Purpose]] = {}
        for purpose in purposes:
            of_code = versions.setdefault(purpose.code, {})
            if purpose.version in of_code:
                raise PurposesUnusable(f"{purpose.code} has version {purpose.version} twice")
            of_code[purpose.version] = purpose
        for code, of_code in versions.items():
            if sorted(of_code) != list(range(1, len(of_code) + 1)):
                raise PurposesUnusable(f"{code} has versions {sorted(of_code)}: a published one is missing")
        self._versions = versions

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read every ``<code>.v<version>.json`` in ``folder`` (by default those shipped).

        Raises PurposesUnusable, naming every problem in every file, so that one run shows all there is to mend.
        """
        files = sorted((folder or _FOLDER).glob("*.json"))
        if not files:
            raise PurposesUnusable(f"no purposes in {folder or _FOLDER}")
        purposes: list[Purpose] = []
        problems: list[str] = []
        for file in files:
            try:
                purpose = Purpose.model_validate_json(file.read_bytes())
            except ValidationError as invalid:
                problems += [
                    f"{file.name}: {'/'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors()
                ]
                continue
            if file.name != f"{purpose.code}.v{purpose.version}.json":
                problems.append(f"{file.name}: holds {purpose.code} version {purpose.version}")
            purposes.append(purpose)
        if problems:
            raise PurposesUnusable("\n".join(problems))
        return cls(purposes)

    def get(self, code: str, version: int | None = None) -> Purpose:
        """The purpose ``code`` in ``version``, or in its newest. Raises Invalid if there is none."""
        of_code = self._versions.get(code, {})
        found = of_code.get(max(of_code, default=0) if version is None else version)
        if found is None:
            raise Invalid("There is no such purpose.", (Violation("/purpose", "This purpose is not known."),))
        return found

    def has(self, code: str, version: int) -> bool:
        """Whether there is the purpose ``code`` in ``version``."""
        return version in self._versions.get(code, {})

    def current(self) -> tuple[Purpose, ...]:
        """The newest version of each purpose, by code."""
        return tuple(self.get(code) for code in sorted(self._versions))

    def all(self) -> tuple[Purpose, ...]:
        """Every version of every purpose, by code and version."""
        return tuple(of_code[version] for _, of_code in sorted(self._versions.items()) for version in sorted(of_code))

    def must_ask_anew(self, code: str, version: int) -> bool:
        """Whether a consent given on ``version`` no longer fits: a major change has been published since."""
        newer = (purpose for number, purpose in self._versions[code].items() if number > version)
        return any(purpose.change == "major" for purpose in newer)
