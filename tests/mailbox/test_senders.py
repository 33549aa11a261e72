"""Whom a denial is about: documents stand under their sender's account, which not every Digipost names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from consent_service.clock import SettableClock
from consent_service.mailbox.port import Accepted, Held, NotHeld
from tests.mailbox.letters import LETTER, NOON
from tests.support.digipost import LocalDigipost, Unlinked, local_digipost


@pytest.fixture
async def unlinked() -> AsyncIterator[LocalDigipost]:
    """A local Digipost at a stopped hour, whose entry point does not say where senders are asked about."""
    async with (
        local_digipost(clock=SettableClock(NOON)) as served,
        httpx.AsyncClient(transport=Unlinked("get_sender_information"), timeout=5.0) as http,
    ):
        yield replace(served, http=http)


async def test_a_denial_under_a_guessed_account_is_not_certain(unlinked: LocalDigipost) -> None:
    """The letter is there, under the county's account; under ours it is not, and that says nothing."""
    await unlinked.mailbox().send(LETTER)
    assert await unlinked.mailbox().status(LETTER.document_uuid, LETTER.sender_organisation) == NotHeld(certain=False)
    assert await unlinked.mailbox().status(LETTER.document_uuid) == NotHeld()


async def test_a_letter_that_was_taken_says_under_which_account_its_sender_s_are(unlinked: LocalDigipost) -> None:
    """From then on the sender's other letters are found there, or denied."""
    mailbox = unlinked.mailbox()
    await unlinked.mailbox().send(LETTER)
    other = replace(LETTER, message_id="another", document_uuid="7f0e9c1a-3b52-4e6d-8a41-5c2d9e8b7a61")
    assert await mailbox.send(other) == Accepted(NOON)
    assert await mailbox.status(LETTER.document_uuid, LETTER.sender_organisation) == Held(NOON)
    never_sent = "7f0e9c1a-3b52-4e6d-8a41-5c2d9e8b7a62"
    assert await mailbox.status(never_sent, LETTER.sender_organisation) == NotHeld()
