"""A letter of these tests, and how it may go on paper."""

from __future__ import annotations

from consent_service.mailbox.port import OutgoingLetter, Paper, PostalAddress
from tests.support.digipost import COUNTY, USER

NOON = 1_780_000_000_000_000
LETTER = OutgoingLetter(
    message_id="5f0b8b1e-0d35-4f63-9f8e-2f0a1b7c9d11",
    document_uuid="7f0e9c1a-3b52-4e6d-8a41-5c2d9e8b7a60",
    national_id=USER,
    subject="Brev fra fagopplæringen æøå <&>",
    pdf=b"%PDF-1.7\r\n\x00\xff--boundary\r\n%%EOF",
    sender_organisation=COUNTY.organisation_number,
)

PAPER = Paper(
    PostalAddress("Ola Prøve <&>", ("c/o Hansen", "Storgata 1"), "7713", "Steinkjer"),
    PostalAddress("Fagopplæringen i Trøndelag", ("Postboks 2560",), "7735", "Steinkjer"),
)
