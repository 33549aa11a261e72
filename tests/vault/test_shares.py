"""Shares: a recipient opens exactly what one consent shares with it, and nothing once they are destroyed."""

from __future__ import annotations

import pytest

from consent_service.crypto.envelope import SealBroken, open_sealed
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Statement
from consent_service.vault.granting import share
from consent_service.vault.keys import RecipientKey
from consent_service.vault.parts import PartRef, ShareTerms
from consent_service.vault.recipient import open_shares, read_shares
from consent_service.vault.seal import destroy as destroy_part
from consent_service.vault.seal import erase
from consent_service.vault.shares import destroy, destroy_of, holds, recipients, share_parts
from tests.vault.conftest import NOON, Vault
from tests.vault.test_parts import KARI, MOVES, OLA, REF, WORDS, change, person, put

NEEDS = PartRef(KARI, "note", "n1", 1, "needs")
TERMS = ShareTerms("c1", "nav", "guidance_follow_up", NOON + 1_000_000)
MAILBOX = TERMS._replace(recipient_id="mailbox")


async def grant(vault: Vault, *parts: PartRef, terms: ShareTerms = TERMS) -> RecipientKey:
    """Share ``parts`` of Kari's under ``terms``; the recipient's key."""
    owner, recipient = await vault.keys.candidate(KARI), await vault.keys.recipient(terms.recipient_id)
    async with vault.db.transaction() as tx:
        await share(tx, owner, parts, [(terms, recipient)])
    return recipient


async def opened(vault: Vault, key: RecipientKey, terms: ShareTerms = TERMS) -> dict[PartRef, bytes]:
    """What the recipient gets under ``terms``."""
    async with vault.db.snapshot() as view:
        found = await read_shares(view, [terms.consent_id], [terms.recipient_id])
    return open_shares(key, terms, found.get((terms.consent_id, terms.recipient_id), []))


@pytest.fixture
async def town(vault: Vault) -> Vault:
    """A vault with Kari, two parts of her note, and Ola."""
    await put(vault, await person(vault, KARI), REF, NEEDS)
    await person(vault, OLA)
    return vault


async def test_a_recipient_opens_exactly_what_is_shared(town: Vault) -> None:
    """The granted parts, without the owner's key; a part beside them stays closed."""
    nav = await grant(town, REF)
    assert await opened(town, nav) == {REF: WORDS}


async def test_each_recipient_and_consent_has_shares_of_its_own(town: Vault) -> None:
    """One reading answers several consents, each under its own."""
    nav, mailbox = await grant(town, REF), await grant(town, NEEDS, terms=MAILBOX)
    later = TERMS._replace(consent_id="c2")
    await grant(town, NEEDS, terms=later)
    assert await opened(town, nav) == {REF: WORDS}
    assert await opened(town, mailbox, MAILBOX) == {NEEDS: WORDS}
    assert await opened(town, nav, later) == {NEEDS: WORDS}
    async with town.db.snapshot() as view:
        everyone = ["nav", "mailbox", "nobody"]
        found = set(await read_shares(view, ["c1", "c2", "c3"], everyone))
        assert found == {("c1", "nav"), ("c1", "mailbox"), ("c2", "nav")}
        assert set(await read_shares(view, ["c1", "c2"], ["mailbox"])) == {("c1", "mailbox")}


async def test_a_recipient_may_open_some_of_what_is_shared(town: Vault) -> None:
    """The rest stays closed, and a changed row among it does no harm."""
    nav = await grant(town, REF, NEEDS)
    await change(town, "UPDATE share SET wrapped_key = :none WHERE part = :part", none=b"", part="needs")
    async with town.db.snapshot() as view:
        rows = (await read_shares(view, ["c1"], ["nav"]))["c1", "nav"]
    assert open_shares(nav, TERMS, rows, only=lambda ref: ref == REF) == {REF: WORDS}
    with pytest.raises(SealBroken):
        open_shares(nav, TERMS, rows)


async def test_a_share_opens_under_its_own_terms_alone(town: Vault) -> None:
    """Moved in the database to another consent or recipient, or read under another purpose or end: for nobody."""
    nav = await grant(town, REF)
    move = "UPDATE share SET consent_id = :consent, recipient_id = :recipient"
    for terms in (
        TERMS._replace(consent_id="c2"),
        TERMS._replace(recipient_id="mailbox"),
        TERMS._replace(purpose="plan_follow_up"),
        TERMS._replace(valid_until=TERMS.valid_until + 1),
    ):
        await change(town, move, consent=terms.consent_id, recipient=terms.recipient_id)
        for key in (nav, await town.keys.recipient(terms.recipient_id)):
            with pytest.raises(SealBroken):
                await opened(town, key, terms)
    await change(town, move, consent=TERMS.consent_id, recipient=TERMS.recipient_id)
    assert await opened(town, nav) == {REF: WORDS}


async def test_another_recipients_key_opens_nothing(town: Vault) -> None:
    """Not even under the right terms."""
    await grant(town, REF)
    with pytest.raises(SealBroken):
        await opened(town, await town.keys.recipient("other-nav"))


async def test_a_share_that_was_pointed_at_another_part_does_not_open_it(town: Vault) -> None:
    """A consent can't be widened by hand: the data key that was wrapped is the one of the part that was granted."""
    nav = await grant(town, REF)
    for field, (target, value) in MOVES.items():
        if target != NEEDS:  # which is there already
            await put(town, await town.keys.candidate(target.candidate_id), target)
        await change(town, f"UPDATE share SET {field} = :value", value=value)
        with pytest.raises(SealBroken):
            await opened(town, nav)
        await change(town, f"UPDATE share SET {field} = :value", value=getattr(REF, field))
    assert await opened(town, nav) == {REF: WORDS}


async def test_a_wrapped_key_is_bound_to_its_part(town: Vault) -> None:
    """It does not even open as that of another part of the same consent, whatever that part is sealed under."""
    nav = await grant(town, REF, NEEDS)
    async with town.db.snapshot() as view:
        rows = await view.rows(Statement("SELECT part, wrapped_key FROM share WHERE recipient_id = 'nav'"))
    wrapped = {row["part"]: bytes(row["wrapped_key"]) for row in rows}
    assert len(open_sealed(nav.secret, wrapped[NEEDS.part], TERMS.aad(NEEDS))) == 32
    for other in (REF, *(target for target, _ in MOVES.values() if target != NEEDS)):
        with pytest.raises(SealBroken):
            open_sealed(nav.secret, wrapped[NEEDS.part], TERMS.aad(other))


async def test_a_content_put_in_the_place_of_what_was_granted_does_not_open(town: Vault) -> None:
    """The share opens the part's data key, and the data key only what was sealed under it."""
    nav = await grant(town, REF)
    await change(
        town,
        "UPDATE part SET sealed = (SELECT sealed FROM part WHERE part = :other) WHERE part = :granted",
        other="needs",
        granted="interests",
    )
    with pytest.raises(SealBroken):
        await opened(town, nav)


async def test_a_part_is_shared_by_its_owner_alone(town: Vault) -> None:
    """Another's part, one that is not there, and none of the others beside it: nothing is shared."""
    ola, nav = await town.keys.candidate(OLA), await town.keys.recipient("nav")
    kari = await town.keys.candidate(KARI)
    for owner, wanted in [(ola, [REF]), (kari, [REF, PartRef(KARI, "note", "n1", 9, "interests")])]:
        with pytest.raises(NotAvailable):
            async with town.db.transaction() as tx:
                await share(tx, owner, wanted, [(TERMS, nav)])
    assert await opened(town, nav) == {}


async def test_a_share_is_wrapped_for_the_recipient_that_its_terms_name(town: Vault) -> None:
    """Not for another, by a mistake of ours."""
    (sealed,) = await put(town, await town.keys.candidate(KARI), PartRef(KARI, "plan", "p1", 1, "pdf"))
    mailbox = await town.keys.recipient("mailbox")
    with pytest.raises(ValueError, match="terms name"):
        async with town.db.transaction() as tx:
            await share_parts(tx, [(sealed, TERMS, mailbox)])
    async with town.db.transaction() as tx:
        await share_parts(tx, [(sealed, MAILBOX, mailbox)])
    assert await opened(town, mailbox, MAILBOX) == {sealed.ref: WORDS}


async def test_destroyed_shares_open_nothing(town: Vault) -> None:
    """All of a consent, one recipient's, or all but one's; other consents are untouched."""
    other = TERMS._replace(consent_id="c2")
    for terms in (TERMS, MAILBOX, other):
        await grant(town, REF, NEEDS, terms=terms)
    nav, mailbox = await town.keys.recipient("nav"), await town.keys.recipient("mailbox")
    async with town.db.transaction() as tx:
        assert await destroy(tx, "c1", but="mailbox") == 2
    assert (await opened(town, nav), len(await opened(town, mailbox, MAILBOX))) == ({}, 2)
    async with town.db.transaction() as tx:
        assert await destroy(tx, "c1", recipient_id="nav") == 0
        assert await destroy(tx, "c1", recipient_id="mailbox") == 2
    assert await opened(town, mailbox, MAILBOX) == {}
    async with town.db.transaction() as tx:
        assert await destroy(tx, "c1") == 0
        assert await destroy(tx, "c1", "c2") == 2
    assert await opened(town, nav, other) == {}


async def test_a_destroyed_part_is_shared_with_nobody(town: Vault) -> None:
    """Its shares go with it, under whatever consent and for whatever recipient; those of other parts stay."""
    plan, theirs = PartRef(KARI, "plan", "n1", 1, "pdf"), PartRef(OLA, "note", "n1", 1, "interests")
    await put(town, await town.keys.candidate(KARI), plan)
    ola = await town.keys.candidate(OLA)
    await put(town, ola, theirs)
    nav = await grant(town, REF, NEEDS, plan)
    await grant(town, REF, terms=MAILBOX)
    async with town.db.transaction() as tx:
        await share(tx, ola, [theirs], [(TERMS, nav)])
    async with town.db.transaction() as tx:
        assert await destroy_part(tx, KARI, "note", "n1") == 2
    assert await opened(town, nav) == {plan: WORDS, theirs: WORDS}
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM share")) == 2


async def test_erasing_destroys_every_share(town: Vault) -> None:
    """Under whatever consent, for whatever recipient."""
    nav = await grant(town, REF)
    await grant(town, REF, NEEDS, terms=MAILBOX)
    async with town.db.transaction() as tx:
        assert await erase(tx, KARI) == {"keys": 1, "parts": 2, "shares": 3}
    assert await opened(town, nav) == {}


async def test_who_holds_shares_is_known_without_a_key(town: Vault) -> None:
    """By the shares' own word, of the candidate's own parts alone: an end finds what a forged consent row hides."""
    plan = PartRef(KARI, "plan", "p1", 1, "route")
    await put(town, await town.keys.candidate(KARI), plan)
    await grant(town, REF, NEEDS)
    await grant(town, plan, terms=MAILBOX)
    async with town.db.snapshot() as view:
        assert sorted(await recipients(view, "c1", KARI)) == ["mailbox", "nav"]
        assert await recipients(view, "c1", OLA) == []
        assert await holds(view, "c1", "mailbox", "plan")
        assert not await holds(view, "c1", "nav", "plan")
        assert not await holds(view, "c2", "mailbox", "plan")


async def test_the_shares_of_one_candidate_can_be_destroyed_under_any_consent(town: Vault) -> None:
    """Whoever wrote another person's share under the same id keeps it; hers are gone."""
    theirs = PartRef(OLA, "note", "n9", 1, "interests")
    ola = await town.keys.candidate(OLA)
    await put(town, ola, theirs)
    nav = await grant(town, REF, NEEDS)
    async with town.db.transaction() as tx:
        await share(tx, ola, [theirs], [(TERMS, nav)])
        assert await destroy_of(tx, "c1", KARI) == 2
        assert await destroy_of(tx, "c1", KARI) == 0
    assert await opened(town, nav) == {theirs: WORDS}
