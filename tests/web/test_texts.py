"""The catalogue of texts: whole, in step in all languages, and neither more nor less than the pages say."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from consent_service.app import problems
from consent_service.consents.purposes import LANGUAGES, PART_KINDS, Language, Purposes
from consent_service.consents.states import State as ConsentState
from consent_service.delivery.states import Status
from consent_service.identity.units import UnitKind
from consent_service.notes.content import SECTIONS
from consent_service.persons.linking import NotLinked
from consent_service.persons.numbers import begins
from consent_service.plans.states import State as MappingState
from consent_service.web import words
from consent_service.web.words import Words

WEB = Path(words.__file__).parent
CODE = WEB.parent
TEXTS = words.load()
# What a page puts together from a value, such as names.state.granted: each has a test of its own below.
PUT_TOGETHER = (
    "names.",
    "log.event.",
    "field.",
    "value.",
    "dates.month.",
    "error.",
    "login.",
    "consent.receipt.",
    "note.language.",
    "frame.nav.",
    "front.step",
    "front.rights.",
    "request.",
    "mapping.",
    "numbers.d_number",
    "numbers.fodselsnummer",
    "numbers.not_linked.",
)


def sources() -> Iterator[tuple[str, str]]:
    """Every template and module of the room, by name."""
    for file in sorted([*(WEB / "templates").rglob("*.*"), *WEB.glob("*.py")]):
        yield file.name, file.read_text()


def test_every_text_is_said_in_every_language() -> None:
    """No key lacks a language, and no text is empty."""
    for key, said in TEXTS.items():
        assert sorted(said) == sorted(LANGUAGES), key
        assert all(text.strip() for text in said.values()), key


def test_the_languages_leave_the_same_gaps() -> None:
    """What stands in braces is the same in each language, so that no name or date gets lost in translation."""
    for key, said in TEXTS.items():
        gaps = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in said.values()]
        assert gaps[0] == gaps[1] == gaps[2], key


def test_nynorsk_is_not_bokmal() -> None:
    """Words that only Bokmål has do not stand in Nynorsk texts."""
    bokmal = re.compile(r"\b(ikke|jeg|hva|hvem|hvor|noe|noen|hvis|fra|deres|dere|mye|gjøre|si)\b", re.IGNORECASE)
    assert {key: said["nn"] for key, said in TEXTS.items() if bokmal.search(said["nn"])} == {}


def test_whatever_a_page_says_is_in_the_catalogue() -> None:
    """Every key that a template or a module names is there."""
    missing = {
        (name, key)
        for name, source in sources()
        for key in re.findall(r"""\b(?:t|words)\(\s*"([^"]+)"\s*[,)]""", source)
        if key not in TEXTS
    }
    assert missing == set()


def test_no_text_is_left_over() -> None:
    """Every key is named by a template or a module, or is put together from a value that exists."""
    said = "\n".join(source for _, source in sources())
    unused = {key for key in TEXTS if f'"{key}"' not in said and f"'{key}'" not in said}
    assert {key for key in unused if not key.startswith(PUT_TOGETHER)} == set()


def test_every_value_has_its_words() -> None:
    """States, kinds and sections that the service knows can all be said."""
    wanted = {f"names.state.{state}" for state in ConsentState}
    wanted |= {f"names.mapping.{state}" for state in MappingState}
    wanted |= {f"names.delivery.{status}" for status in Status if status is not Status.PARKED}
    wanted |= {f"names.part.{kind}" for kind in PART_KINDS}
    wanted |= {f"names.hint.note.{name}" for name in SECTIONS}
    wanted |= {f"names.unit.{kind}" for kind in UnitKind}
    wanted |= {f"names.unit.{ground.party}" for one in Purposes.load().all() for ground in one.grounds}
    wanted |= {f"consent.receipt.{kind}" for kind in ("given", "refused", "termination")}
    wanted |= {f"dates.month.{month}" for month in range(1, 13)}
    wanted |= {f"numbers.not_linked.{why}" for why in NotLinked}
    wanted |= {f"numbers.{begins(digits)[0]}" for digits in ("21879498012", "50846202355")}
    assert wanted <= set(TEXTS)


def test_every_event_of_the_log_has_a_sentence() -> None:
    """What any room writes into a candidate's log is said in human words."""
    written = set()
    for file in CODE.rglob("*.py"):
        written |= set(re.findall(r"""Entry\(\s*"([a-z_]+\.[a-z_]+)\"""", file.read_text()))
        written |= set(re.findall(r"""_LOOKED_FOR = "([a-z_.]+)\"""", file.read_text()))
    written |= {f"consent.{state}" for state in ConsentState if state != "pending_confirmation"}
    written |= {f"letter.{status}" for status in Status} | {"letter.retried", "letter.cancelled"}
    written |= {f"{kind}.{answer}" for kind in ("release", "letter") for answer in ("released", "refused")}
    written |= {"release.repeated", "plan.refused"}
    written |= {f"mapping_request.{state}" for state in ("in_work", "more_information_needed", "declined")}
    # In the service's own chain: before she has come, and about nobody. And in the units' chains.
    not_hers = {"draft.handed_over", "draft.withdrawn", "checkpoint_key.made", "checkpoint_key.retired"}
    not_hers |= {event for event in written if event.startswith("unit.")}
    assert {event for event in written - not_hers if f"log.event.{event}" not in TEXTS} == set()


@pytest.mark.parametrize("problem", problems.ALL, ids=lambda problem: str(problem.slug))
def test_every_problem_can_be_shown_to_a_person(problem: problems.Problem) -> None:
    """Each problem has words of its own or those of its family."""
    own = f"error.{problem.slug}.title" in TEXTS
    family = {503: "unavailable", 409: "conflict", 403: "forbidden"}.get(
        problem.status, "internal" if problem.status >= 500 else "malformed"
    )
    assert own or f"error.{family}.title" in TEXTS


def test_a_text_that_lacks_a_language_stops_the_start(tmp_path: Path) -> None:
    """A half translated page is never served."""
    (tmp_path / "page.json").write_text(json.dumps({"title": {"nb": "Hei", "en": "Hello"}}))
    with pytest.raises(ValueError, match="title"):
        words.load(tmp_path)


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        (None, "", "nb"),
        (None, "nn-NO,nb;q=0.8", "nn"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "de,en;q=0.5,nb;q=0.7", "nb"),
        (None, "sv-SE,en;q=0.9", "nb"),
        (None, "de", "nb"),
        (None, "nn;q=x,en;q=0.1", "en"),
        ("en", "nn", "en"),
        ("xx", "nn", "nn"),
    ],
)
def test_which_language_is_spoken(cookie: str | None, header: str, language: str) -> None:
    """What was chosen before, else the browser's first that is spoken here, else Bokmål."""
    assert words.choose(cookie=cookie, accept_language=header) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_day_is_the_day_that_was_chosen(language: Language) -> None:
    """An end at midnight after the twentieth is called the twentieth."""
    midnight_after = 1_795_215_600_000_000  # 2026-11-21 00:00 in Oslo
    assert "20" in Words(TEXTS, language).last_day(midnight_after)
    assert "21" in Words(TEXTS, language).day(midnight_after)
