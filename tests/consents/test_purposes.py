"""The purposes shipped, and what the service refuses to start with."""

import json
from pathlib import Path
from typing import Any

import pytest

from consent_service.consents.purposes import (
    IDENTITY,
    LANGUAGES,
    PART_KINDS,
    SENSITIVE_KINDS,
    Purposes,
    PurposesUnusable,
)
from consent_service.errors import Invalid

SHIPPED = Path(__file__).parents[2] / "consent_service" / "consents" / "purposes"
BENEFITS = {"nb": "pengene", "nn": "pengane", "en": "money"}


@pytest.fixture(scope="module")
def purposes() -> Purposes:
    """The purposes shipped."""
    return Purposes.load()


def a_purpose(**changes: Any) -> dict[str, Any]:
    """The shipped guidance_follow_up as JSON, with ``changes``."""
    purpose: dict[str, Any] = json.loads((SHIPPED / "guidance_follow_up.v1.json").read_text())
    return purpose | changes


def write(folder: Path, *purposes: dict[str, Any]) -> Path:
    """Files for ``purposes`` in ``folder``."""
    for purpose in purposes:
        file = folder / f"{purpose['code']}.v{purpose['version']}.json"
        file.write_text(json.dumps(purpose))
    return folder


def test_the_purposes_in_use_are_shipped(purposes: Purposes) -> None:
    """Those that design section 2 names, and the candidate's own letter to herself."""
    codes = [purpose.code for purpose in purposes.current()]
    assert codes == ["competence_mapping", "guidance_follow_up", "plan_follow_up", "plan_to_mailbox"]


def test_who_may_receive_what(purposes: Purposes) -> None:
    """NAV reads notes and plans, fagopplæring reads a mapping request and notes; the mailbox gets a plan of hers."""
    for code, kind, resources in (
        ("guidance_follow_up", "nav", {"person", "note"}),
        ("competence_mapping", "vocational_training", {"person", "mapping_request", "note"}),
        ("plan_follow_up", "nav", {"person", "plan"}),
        ("plan_to_mailbox", "mailbox", {"person", "plan"}),
    ):
        purpose = purposes.get(code)
        assert purpose.recipient_kinds == (kind,)
        assert {part.split(".")[0] for part in purpose.part_kinds} == resources


def test_a_question_reaches_only_the_party_it_is_addressed_to(purposes: Purposes) -> None:
    """Questions to NAV go to NAV and questions to fagopplæring to fagopplæring, never across."""
    nav, training = purposes.get("guidance_follow_up"), purposes.get("competence_mapping")
    assert nav.admits_kind("note.question_nav")
    assert not nav.admits_kind("note.question_vocational_training")
    assert training.admits_kind("note.question_vocational_training")
    assert not training.admits_kind("note.question_nav")


def test_what_goes_to_the_mailbox_is_for_it_alone(purposes: Purposes) -> None:
    """No unit may ask for what the candidate sends to herself, and no unit's purpose shares a plan as a file."""
    hers = purposes.get("plan_to_mailbox")
    assert (hers.requester_kinds, hers.recipient_kinds, hers.longest_days) == ((), ("mailbox",), 7)
    assert [one.code for one in purposes.all() if one.admits_kind("plan.pdf")] == ["plan_to_mailbox"]


def test_only_competence_mapping_lets_a_unit_deliver_to_the_mailbox(purposes: Purposes) -> None:
    """A unit's letter goes out under competence_mapping and under nothing else."""
    delivering = [purpose.code for purpose in purposes.current() if purpose.delivers_to_mailbox]
    assert delivering == ["competence_mapping"]


def test_a_letter_goes_on_paper_only_where_one_goes_to_the_mailbox_first(purposes: Purposes) -> None:
    """The words tell of paper under competence_mapping, from its second version on."""
    telling = [(purpose.code, purpose.version) for purpose in purposes.all() if purpose.delivers_on_paper]
    assert telling == [("competence_mapping", 2)]


def test_the_register_is_asked_under_words_that_say_so_alone(purposes: Purposes) -> None:
    """Every purpose that lets it be asked names it, in every language, and no other does."""
    names = {"nb": "reservasjonsregisteret", "nn": "reservasjonsregisteret", "en": "reservation register"}
    for purpose in purposes.all():
        told = {names[language] in purpose.text(language).recipient_may for language in LANGUAGES}
        assert told == {purpose.asks_contact_register}


def test_who_the_person_is_goes_with_every_consent(purposes: Purposes) -> None:
    """Every purpose admits the person part, so that every preview can show it."""
    assert all(purpose.admits_kind(IDENTITY) for purpose in purposes.all())


def test_what_may_be_health_is_never_preselected(purposes: Purposes) -> None:
    """Needs and accommodation are ticked by nobody but the candidate."""
    for purpose in purposes.all():
        assert set(purpose.part_kinds) & SENSITIVE_KINDS <= set(purpose.never_preselected)


def test_every_kind_can_be_shared_for_some_purpose(purposes: Purposes) -> None:
    """No kind is known that no purpose admits."""
    assert {kind for purpose in purposes.current() for kind in purpose.part_kinds} == PART_KINDS


def test_every_text_says_that_a_no_costs_nothing(purposes: Purposes) -> None:
    """In every language the words name the benefits, on which a no has no effect."""
    for purpose in purposes.all():
        for language in LANGUAGES:
            assert BENEFITS[language] in purpose.text(language).saying_no


def test_every_party_has_its_ground(purposes: Purposes) -> None:
    """Recipients, requesters and the controller each have a ground in art. 6, in art. 9 and in national law."""
    for purpose in purposes.all():
        parties = {ground.party for ground in purpose.grounds}
        assert {"controller", *purpose.recipient_kinds, *purpose.requester_kinds} <= parties


def test_no_paragraph_stands_in_code() -> None:
    """Paragraph numbers live in the data files only."""
    code = (SHIPPED.parent / "purposes.py").read_text()
    assert "§" not in code


def test_the_hash_names_exactly_the_words_shown(purposes: Purposes, tmp_path: Path) -> None:
    """Another language, another version or another word gives another hash; the same words the same."""
    shipped = purposes.get("guidance_follow_up")
    texts = a_purpose()["texts"]
    texts["nb"]["why"] += " Og litt til."
    changed = Purposes.load(write(tmp_path, a_purpose(texts=texts))).get("guidance_follow_up")
    hashes = {shipped.text_sha256(language) for language in LANGUAGES}
    assert len(hashes) == len(LANGUAGES)
    assert changed.text_sha256("nb") not in hashes
    assert changed.text_sha256("en") == shipped.text_sha256("en")


# Published words: a change in them is a new version, not an edit.
PUBLISHED = {
    ("competence_mapping", 1, "nb"): "90b310c4c4515eb01a7c6fbd2d8d59e810d37bcde85d3260585b644b6075067a",
    ("competence_mapping", 1, "nn"): "c45e36097a0903838218fd3656c2210ca56d9fc85bb13bfe8aa63456a4fdb20c",
    ("competence_mapping", 1, "en"): "f8d5e72c6f96a4418e5b804bfa625517ed17069be23f5ce9b7ab9ac3aa9d6795",
    ("competence_mapping", 2, "nb"): "504813be4e1ce0e0436033d1b73c1c5180373bc9c7f0d4063244aa30b1f786de",
    ("competence_mapping", 2, "nn"): "692085698c2fbe5c3add0c43a098c0e69db7d5502ebd425801a91a095c9f1e43",
    ("competence_mapping", 2, "en"): "9c04f51bd34c76b4b94bca9967f102237ecf57bb5c4ea561932239f6277e6ca5",
    ("guidance_follow_up", 1, "nb"): "91edccf7049a01ec22d830e172732600d02ac7afb956cb72d7c6ce4ab3e7430e",
    ("guidance_follow_up", 1, "nn"): "45e241753e029ad189b2aebfd2c39094059c3f7ed45ceb38200934a44a81f448",
    ("guidance_follow_up", 1, "en"): "9c3d9c4c82e6f5d6eaf90992a49c403a756a5a372f126fbbb7bd0d5d74809646",
    ("plan_follow_up", 1, "nb"): "b03e5ace5008061f50165a4714be92f8fd7899e6a7a1c8948048e7bc335f1998",
    ("plan_follow_up", 1, "nn"): "795dde98e968c773c58c3c9f29396c1347f2e9ce48cb58931c6cde844ad58a0a",
    ("plan_follow_up", 1, "en"): "bb7f5f6b3d11e804b459d6f0e8da3caff09c3a8e8b23350b5e29c8b54aa6bdff",
    ("plan_to_mailbox", 1, "nb"): "40d4ba49e24f9cfc109b4182ba9f601b3e44a1c613dae194d83d1b5b9b89c35b",
    ("plan_to_mailbox", 1, "nn"): "e1f70a96d4eabe8796aec73ed7ac537c61e1473a413ee23b983c0d86507d8b40",
    ("plan_to_mailbox", 1, "en"): "02638053bd1f240701b6b708b470f4058216866ad3f88af757724de747d4b93b",
}


def test_published_words_have_not_been_edited(purposes: Purposes) -> None:
    """What people have already answered to stands as it was shown to them."""
    now = {
        (purpose.code, purpose.version, language): purpose.text_sha256(language)
        for purpose in purposes.all()
        for language in LANGUAGES
    }
    assert now == PUBLISHED


def test_a_major_change_asks_anew_and_a_minor_does_not(tmp_path: Path) -> None:
    """A consent on an old version stands through minor changes and falls with the first major one."""
    folder = write(tmp_path, a_purpose(), a_purpose(version=2, change="minor"))
    assert not Purposes.load(folder).must_ask_anew("guidance_follow_up", 1)
    purposes = Purposes.load(write(folder, a_purpose(version=3)))
    assert purposes.must_ask_anew("guidance_follow_up", 1)
    assert not purposes.must_ask_anew("guidance_follow_up", 3)
    assert purposes.get("guidance_follow_up").version == 3
    assert purposes.get("guidance_follow_up", 1).version == 1


def test_an_unknown_purpose_is_invalid(purposes: Purposes) -> None:
    """A code or version that was never published is refused, without repeating it."""
    for code, version in (("marketing", None), ("guidance_follow_up", 2), ("", None)):
        with pytest.raises(Invalid):
            purposes.get(code, version)


def without(field: str) -> dict[str, Any]:
    """A purpose that lacks ``field``."""
    purpose = a_purpose()
    del purpose[field]
    return purpose


@pytest.mark.parametrize(
    ("purpose", "complaint"),
    [
        (a_purpose(surprise=True), "surprise"),
        *((without(field), field) for field in a_purpose() if field not in {"code", "version"}),
        (a_purpose(format="purpose/2"), "format"),
        (a_purpose(part_kinds=["note.interests", "note.values"], never_preselected=[]), IDENTITY),
        (a_purpose(part_kinds=[IDENTITY, "note.diagnosis"], never_preselected=[]), "note.diagnosis"),
        (a_purpose(part_kinds=[IDENTITY, IDENTITY], never_preselected=[]), "twice"),
        (a_purpose(never_preselected=[]), "note.needs"),
        (a_purpose(never_preselected=["note.needs", "plan.route"]), "plan.route"),
        (a_purpose(default_days=366), "longest_days"),
        (a_purpose(longest_days=0), "longest_days"),
        (a_purpose(recipient_kinds=["vocational_training"]), "grounds"),
        (a_purpose(recipient_kinds=["employer"]), "recipient_kinds"),
        (a_purpose(grounds=a_purpose()["grounds"][1:]), "controller"),
        (a_purpose(grounds=a_purpose()["grounds"] * 2), "twice"),
        (a_purpose(texts={"nb": a_purpose()["texts"]["nb"]}), "texts/nn"),
    ],
)
def test_an_unusable_file_stops_the_start(tmp_path: Path, purpose: dict[str, Any], complaint: str) -> None:
    """A file that is incomplete, has too much or contradicts itself is refused, and the message says why."""
    with pytest.raises(PurposesUnusable, match=complaint):
        Purposes.load(write(tmp_path, purpose))


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    """One run names the problems of every file."""
    folder = write(tmp_path, a_purpose(default_days=0), a_purpose(code="other_purpose", longest_days=0))
    with pytest.raises(PurposesUnusable, match=r"(?s)guidance_follow_up.v1.json.*other_purpose.v1.json"):
        Purposes.load(folder)


def test_a_missing_version_stops_the_start(tmp_path: Path) -> None:
    """A consent on a version whose file was lost could not be explained any more."""
    with pytest.raises(PurposesUnusable, match="missing"):
        Purposes.load(write(tmp_path, a_purpose(version=2)))


def test_a_file_holds_what_its_name_says(tmp_path: Path) -> None:
    """A renamed file is refused."""
    write(tmp_path, a_purpose())
    (tmp_path / "guidance_follow_up.v1.json").rename(tmp_path / "guidance_follow_up.v2.json")
    with pytest.raises(PurposesUnusable, match=r"v2\.json: holds"):
        Purposes.load(tmp_path)


def test_an_empty_folder_stops_the_start(tmp_path: Path) -> None:
    """A service without purposes could let nothing through and explain nothing."""
    with pytest.raises(PurposesUnusable, match="no purposes"):
        Purposes.load(tmp_path)


def test_a_purpose_cannot_be_changed_in_memory(purposes: Purposes) -> None:
    """Purposes are frozen."""
    with pytest.raises(ValueError, match="frozen"):
        purposes.get("guidance_follow_up").longest_days = 9999  # type: ignore[misc]
