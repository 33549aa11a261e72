"""A letter as it goes over the wire."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

from lxml import etree

from consent_service.mailbox import digipost_xml as xml
from consent_service.mailbox.digipost import multipart
from consent_service.mailbox.port import AuthenticationLevel
from tests.mailbox.letters import LETTER, PAPER
from tests.support.digipost import COUNTY, USER


def schema() -> etree.XMLSchema:
    """Digipost's own."""
    return etree.XMLSchema(
        etree.fromstring(resources.files("consent_service.mailbox").joinpath("api_v8.xsd").read_bytes())
    )


def test_every_message_is_valid_by_digiposts_schema() -> None:
    """In the schema's strict order, with and without a sender, at every level, with and without paper."""
    for sender in (None, COUNTY.organisation_number):
        for level in AuthenticationLevel:
            for paper in (None, PAPER):
                letter = replace(LETTER, authentication_level=level, paper=paper)
                schema().assertValid(etree.fromstring(xml.message(letter, sender)))


def test_the_same_letter_is_the_same_bytes() -> None:
    """A retry sends what was sent; and nothing inside can end a part."""
    one, two = multipart(LETTER, None), multipart(LETTER, None)
    assert one == two
    content_type, body = one
    boundary = content_type.partition("boundary=")[2].encode()
    assert body.count(boundary) == 3
    assert boundary not in LETTER.pdf
    assert LETTER.pdf in body
    assert f'filename="{LETTER.document_uuid}"'.encode() in body


def test_a_letters_repr_tells_nothing_of_the_person() -> None:
    """Neither number, content nor address, wherever it may be logged."""
    told = repr(replace(LETTER, paper=PAPER))
    assert not any(said in told for said in (USER, "%PDF", "Ola", "Storgata", "7713", "Steinkjer"))
