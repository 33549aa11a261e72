"""Cards in NAV's activity plan keep the topic's format, and say nothing of anybody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from consent_clients import ActivityCards, CardMessage
from consent_clients.models import Consent
from tests.support.json_schema import violations

# Written from what navikt/veilarbaktivitet publishes of the topic (schemas/akaas, Aktivitetskort.V1).
SCHEMA = json.loads((Path(__file__).parent / "activity_card.schema.json").read_text())
NUMBER = "21879498012"
CONSENT_ID = "6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02"
REPLY_BY = "2026-12-12T23:00:00Z"
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
CARDS = ActivityCards("SAMTYKKE", "FAG_OG_YRKESOPPLAERING", "samtykketjenesten", "https://samtykke.example.no/overview")


def shared(**changed: Any) -> Consent:
    """A consent as NAV sees it."""
    consent = {"id": CONSENT_ID, "purpose": {"code": "plan_follow_up", "version": 1}, "state": "granted"}
    return cast(Consent, consent | changed)


def every() -> list[CardMessage]:
    """One of each."""
    return [
        CARDS.asked(NUMBER, CONSENT_ID, REPLY_BY, at=AT),
        CARDS.asked_closed(NUMBER, CONSENT_ID, REPLY_BY),
        CARDS.delivered(NUMBER, shared(), at=AT),
        CARDS.delivered_closed(NUMBER, shared(state="revoked"), at=AT),
    ]


def test_each_keeps_the_format() -> None:
    """The value is valid, the key is the card's id and not the message's, and the header that is demanded is there."""
    for message in every():
        value = json.loads(json.dumps(message.value))
        assert list(violations(SCHEMA, value)) == []
        assert message.topic == "dab.aktivitetskort-v1.1"
        assert message.key == value["aktivitetskort"]["id"] != value["messageId"]
        assert message.headers["Nav-Call-Id"]


@pytest.mark.parametrize(
    ("spoilt", "found"),
    [
        ({"sendt": "2026-11-22"}, ": additionalProperties"),
        ({"messageId": "x"}, "/messageId: format"),
        ({"actionType": "SLETT"}, "/actionType: enum"),
        ({"aktivitetskort": {}}, "/aktivitetskort: required"),
    ],
)
def test_the_schema_finds_what_is_wrong(spoilt: dict[str, Any], found: str) -> None:
    """A message that NAV's reader would turn away does not keep the schema."""
    assert found in list(violations(SCHEMA, every()[0].value | spoilt))


def test_what_was_asked_and_what_was_delivered_are_two_cards() -> None:
    """A consent that NAV asked for is the one the plan is shared under: neither card drops or closes the other."""
    asked, asked_closed, delivered, delivered_closed = every()
    assert asked.key == asked_closed.key != delivered.key == delivered_closed.key
    assert len({message.value["messageId"] for message in every()}) == 4


def test_none_is_ever_agreed_with_nav() -> None:
    """Nothing can be sanctioned on a card."""
    assert {message.value["aktivitetskort"]["avtaltMedNav"] for message in every()} == {False}


def test_all_cards_say_the_same_few_words() -> None:
    """A request and a plan look alike: no purpose, no party, no consent's id, and one link that is everybody's."""
    told = [message.value["aktivitetskort"] for message in every()]
    assert len({json.dumps([card[key] for key in ("tittel", "beskrivelse", "handlinger")]) for card in told}) == 1
    for message in every():
        said = json.dumps(message.value, ensure_ascii=False).lower()
        for word in ("samtykke til", "plan_follow_up", "opplæring", "plan ", "kompetanse", "fagbrev", CONSENT_ID):
            assert word not in said, word
        assert message.value["aktivitetskort"]["handlinger"][0]["url"] == CARDS.link


def test_it_closes_alike_for_a_yes_and_a_no() -> None:
    """The closing message has nothing to say an answer with, and is dated by the reply-by time alone."""
    closed = CARDS.asked_closed(NUMBER, CONSENT_ID, REPLY_BY)
    assert closed == CARDS.asked_closed(NUMBER, CONSENT_ID, REPLY_BY)
    card = closed.value["aktivitetskort"]
    assert (card["aktivitetStatus"], card["endretTidspunkt"]) == ("FULLFORT", "2026-12-12T23:00:00+00:00")
    assert card["id"] == CARDS.asked(NUMBER, CONSENT_ID, REPLY_BY, at=AT).key
    ended = [CARDS.delivered_closed(NUMBER, shared(state=end), at=AT) for end in ("revoked", "expired", "used_up")]
    assert ended[0] == ended[1] == ended[2]


def test_the_same_said_again_is_the_same_message() -> None:
    """What NAV's reader drops as a double is one: the same state of the same card has one message id."""
    first = CARDS.asked(NUMBER, CONSENT_ID, REPLY_BY, at=AT)
    again = CARDS.asked(NUMBER, CONSENT_ID, REPLY_BY, at=AT + timedelta(minutes=1))
    assert first.value["messageId"] == again.value["messageId"]
    assert first.value["messageId"] != CARDS.asked_closed(NUMBER, CONSENT_ID, REPLY_BY).value["messageId"]


@pytest.mark.parametrize(
    "changed",
    [{"purpose": {"code": "competence_mapping"}}, {"purpose": None}, {"state": "paused"}, {"state": "revoked"}],
)
def test_there_is_no_card_of_a_plan_that_is_not_shared(changed: dict[str, Any]) -> None:
    """NAV learns of a plan only under plan_follow_up, in force."""
    with pytest.raises(ValueError, match="plan_follow_up"):
        CARDS.delivered(NUMBER, shared(**changed), at=AT)


def test_what_nav_has_registered_is_a_setting() -> None:
    """Source, kind, system and link come from whoever sends."""
    other = ActivityCards("TEAM_X", "ENKFAGYRKE", "team-x", "https://x.example.no/")
    value = other.asked(NUMBER, CONSENT_ID, REPLY_BY, at=AT).value
    assert (value["source"], value["aktivitetskortType"]) == ("TEAM_X", "ENKFAGYRKE")
    assert value["aktivitetskort"]["endretAv"] == {"ident": "team-x", "identType": "SYSTEM"}


@pytest.mark.parametrize("link", ["http://x.example.no", "https://x.example.no/?id=1", "https://x@example.no", "x"])
def test_a_link_leads_to_the_front_and_says_nothing(link: str) -> None:
    """No parameter that could name anybody."""
    with pytest.raises(ValueError, match="link"):
        ActivityCards("S", "K", "s", link)


def test_times_have_a_zone_and_numbers_stay_out_of_sight() -> None:
    """Without a zone NAV would read Oslo's time; a traceback shows no identity number."""
    with pytest.raises(ValueError, match="zone"):
        CARDS.asked(NUMBER, CONSENT_ID, REPLY_BY, at=AT.replace(tzinfo=None))
    assert NUMBER not in "".join(repr(message) for message in every())
