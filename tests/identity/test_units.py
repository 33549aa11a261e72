"""The registry of units: one client, one unit; what is switched off is off with the next read."""

from __future__ import annotations

from typing import Any

import pytest

from consent_service.crypto.service_keys import USES, service_keys
from consent_service.errors import Conflict, Forbidden, InsufficientScope, Invalid, NotAvailable, Tampered
from consent_service.identity import registry, units
from consent_service.identity.callers import (
    MAY_HOLD,
    Scope,
    UnitCaller,
    client_of,
    names_at_maskinporten,
    unit_caller,
)
from consent_service.identity.unit_tokens import UnitToken
from consent_service.identity.units import TAMPERED, Unit, UnitKind
from consent_service.storage.engine import Database, Snapshot, Statement
from tests.support.issuers import COUNTY, NAV, SUPPLIER

NOW = 1_780_000_000_000_000
KEYS = service_keys({use: use.encode().ljust(32) for use in USES})


async def register(db: Database, kind: UnitKind, number: str = COUNTY, **more: Any) -> Unit:
    """A unit of ``kind``."""
    async with db.transaction() as tx:
        return await registry.add(
            tx,
            KEYS,
            organisation_number=number,
            unit_code="0501",
            name=f"Enhet for {kind}",
            region="Trøndelag",
            kind=kind,
            at=NOW,
            **more,
        )


async def let_call(db: Database, unit: Unit, client_id: str, number: str | None = None) -> None:
    """Register a client for ``unit``."""
    async with db.transaction() as tx:
        await registry.add_client(tx, KEYS, unit.id, client_id=client_id, at=NOW, organisation_number=number)


def token(client_id: str, *scopes: str, number: str = COUNTY, supplier: str | None = None) -> UnitToken:
    """A verified token."""
    return UnitToken(
        organisation_number=number, supplier=supplier, client_id=client_id, scopes=frozenset(scopes), expires_at=NOW
    )


async def test_a_unit_is_registered_and_found(db: Database) -> None:
    """What was registered is read back whole, by id and in the list."""
    unit = await register(
        db, UnitKind.NAV, NAV, privacy_email="personvern@nav.example", privacy_phone="+47 55 55 33 33"
    )
    async with db.snapshot() as view:
        assert await units.find(view, KEYS, unit.id) == unit
        assert await units.every(view, KEYS) == [unit]
        assert await units.find(view, KEYS, "another") is None
        with pytest.raises(NotAvailable):
            await units.get(view, KEYS, "another")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organisation_number", "889640783"),
        ("organisation_number", "88964078"),
        ("unit_code", ""),
        ("unit_code", "05 01"),
        ("name", ""),
        ("name", " NAV"),
        ("name", "NAV\nTrondheim"),
        ("name", "x" * 201),
        ("region", "\x00"),
        ("privacy_email", "nobody"),
        ("privacy_email", "a b@c.no"),
        ("privacy_phone", "ring oss"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_unit_that_can_not_be_is_not_registered(db: Database, field: str, value: str) -> None:
    """The refusal names the field, not the value."""
    given = {"organisation_number": NAV, "unit_code": "0501", "name": "NAV", "region": "Trøndelag", field: value}
    with pytest.raises(Invalid) as refused:
        async with db.transaction() as tx:
            await registry.add(tx, KEYS, kind=UnitKind.NAV, at=NOW, **given)
    assert [violation.pointer for violation in refused.value.violations] == [f"/{field}"]
    assert not value or value not in str(refused.value.violations)


async def test_a_client_is_one_units(db: Database) -> None:
    """Two units of one organisation are told apart by their clients; a client can't be both."""
    centre = await register(db, UnitKind.CAREER_CENTRE)
    training = await register(db, UnitKind.VOCATIONAL_TRAINING)
    await let_call(db, centre, "centre-client")
    await let_call(db, training, "training-client")
    async with db.snapshot() as view:
        ours, theirs = units.Client(COUNTY, "centre-client"), units.Client(COUNTY, "training-client")
        others = [units.Client(COUNTY, "other-client"), units.Client(NAV, "centre-client")]
        assert await units.of_clients(view, KEYS, [ours, *others, theirs]) == {ours: centre, theirs: training}
        assert (units.Registered(centre, (units.Client(COUNTY, "centre-client"),))) in await units.registered(
            view, KEYS
        )
    with pytest.raises(Conflict):
        await let_call(db, training, "centre-client")


async def test_a_unit_that_can_not_be_read_stops_nobody_else(db: Database) -> None:
    """Of those looked up together, one whose row was spoilt is no unit; the others are found, here and in the list."""
    centre, nav = await register(db, UnitKind.CAREER_CENTRE), await register(db, UnitKind.NAV, NAV)
    await let_call(db, centre, "centre-client")
    await let_call(db, nav, "nav-client")
    async with db.transaction() as tx:
        await tx.run(Statement("UPDATE unit SET kind = 'nonsense' WHERE id = :id"), id=nav.id)
    ours, spoilt = units.Client(COUNTY, "centre-client"), units.Client(NAV, "nav-client")
    async with db.snapshot() as view:
        assert await units.of_clients(view, KEYS, [spoilt, ours]) == {ours: centre}
        assert await units.every(view, KEYS) == [centre]
        assert await units.find(view, KEYS, nav.id) is None


def alarms() -> float:
    """How many there were."""
    return next(sample.value for metric in TAMPERED.collect() for sample in metric.samples)


@pytest.mark.parametrize(
    "change",
    [
        "id = 'another'",
        f"organisation_number = '{COUNTY}'",
        "unit_code = '0502'",
        "name = 'NAV Trondheim'",
        "region = 'Oslo'",
        "kind = 'vocational_training'",
        "enabled = 1",
        "privacy_email = 'a@b.no'",
        "privacy_phone = '12345678'",
        "successor_id = id",
        "created_at = created_at + 1",
        "closed_at = 1",
        "mac = (SELECT u.mac FROM unit u WHERE u.enabled = 1)",
    ],
)
async def test_a_unit_that_somebody_else_changed_is_none(db: Database, change: str) -> None:
    """Any column of its row: it is neither found nor enabled, the alarm goes off, and the row stays as it was found."""
    nav, other = await register(db, UnitKind.NAV, NAV), await register(db, UnitKind.NAV, NAV)
    async with db.transaction() as tx:
        await registry.disable(tx, KEYS, nav.id, at=NOW)
    async with db.transaction() as tx:
        await tx.run(Statement(f"UPDATE unit SET {change} WHERE id = :id"), id=nav.id)
    before, found = alarms(), Statement("SELECT * FROM unit WHERE id <> :other")
    async with db.snapshot() as view:
        (row,) = await view.rows(found, other=other.id)
        assert await units.find(view, KEYS, row["id"]) is None
        assert await units.every(view, KEYS) == [other]
    assert alarms() == before + 2
    for act in (registry.enable, registry.disable):
        with pytest.raises(Tampered):
            async with db.transaction() as tx:
                await act(tx, KEYS, row["id"], at=NOW)
    async with db.snapshot() as view:
        assert [dict(one) for one in await view.rows(found, other=other.id)] == [dict(row)]


async def test_a_unit_that_somebody_else_wrote_is_none(db: Database) -> None:
    """A row made by hand, without our key, is no unit, and a client of its own calls as nobody."""
    forger = service_keys({use: use.encode().rjust(32) for use in USES})
    async with db.transaction() as tx:
        given = {"organisation_number": NAV, "unit_code": "0501", "name": "NAV", "region": "Trøndelag"}
        unit = await registry.add(tx, forger, kind=UnitKind.NAV, at=NOW, **given)
        await registry.add_client(tx, forger, unit.id, client_id="hers", at=NOW)
    async with db.snapshot() as view:
        assert await units.find(view, KEYS, unit.id) is None
        assert await units.of_clients(view, KEYS, [units.Client(NAV, "hers")]) == {}


@pytest.mark.parametrize(
    "change",
    [
        f"organisation_number = '{COUNTY}'",
        "client_id = 'hers'",
        "unit_id = (SELECT id FROM unit WHERE kind = 'career_centre')",
    ],
)
async def test_a_client_that_somebody_else_changed_calls_as_nobody(db: Database, change: str) -> None:
    """Not as the unit that it was registered for, nor as another, and the alarm goes off."""
    nav, centre = await register(db, UnitKind.NAV, NAV), await register(db, UnitKind.CAREER_CENTRE)
    await let_call(db, nav, "ours")
    async with db.transaction() as tx:
        await tx.run(Statement(f"UPDATE unit_client SET {change}"))
    before = alarms()
    async with db.snapshot() as view:
        asked = [units.Client(number, name) for number in (NAV, COUNTY) for name in ("ours", "hers")]
        assert await units.of_clients(view, KEYS, asked) == {}
        assert alarms() == before + 1
        ours = units.Registered(nav, (units.Client(NAV, "ours"),))
        assert sorted(await units.registered(view, KEYS), key=repr) == sorted(
            [ours, units.Registered(centre, ())], key=repr
        )


async def test_a_client_that_somebody_else_registered_calls_as_nobody(db: Database) -> None:
    """A client of her own for a unit that is there, in the table that finds it or in the unit's row."""
    nav = await register(db, UnitKind.NAV, NAV)
    await let_call(db, nav, "ours")
    ours, hers = units.Client(NAV, "ours"), units.Client(NAV, "hers")
    async with db.transaction() as tx:
        await tx.run(Statement("INSERT INTO unit_client SELECT organisation_number, 'hers', unit_id FROM unit_client"))
    async with db.snapshot() as view:
        assert await units.of_clients(view, KEYS, [ours, hers]) == {ours: nav}
    async with db.transaction() as tx:
        await tx.run(Statement("UPDATE unit SET clients = REPLACE(clients, 'ours', 'hers')"))
        assert await units.of_clients(tx, KEYS, [ours, hers]) == {}


async def calling(view: Snapshot, said: UnitToken, *, prefix: str) -> UnitCaller:
    found = await units.of_clients(view, KEYS, [client_of(said)])
    return unit_caller(found.get(client_of(said)), said, prefix=prefix)


async def test_a_suppliers_client_may_serve_several_organisations(db: Database) -> None:
    """The consumer that the token names is part of who calls."""
    centre, nav = await register(db, UnitKind.CAREER_CENTRE), await register(db, UnitKind.NAV, NAV)
    await let_call(db, centre, "supplier-client")
    await let_call(db, nav, "supplier-client")
    async with db.snapshot() as view:
        caller = await calling(view, token("supplier-client", number=NAV, supplier=SUPPLIER), prefix="consent:")
    assert (caller.unit, caller.supplier) == (nav, SUPPLIER)


async def test_clients_that_can_not_be_are_not_registered(db: Database) -> None:
    """An unknown unit, an id out of bounds and a wrong organisation number are refused."""
    unit = await register(db, UnitKind.NAV, NAV)
    for client_id, number in (("", None), ("a b", None), ("x" * 256, None), ("client", "889640783")):
        with pytest.raises(Invalid):
            await let_call(db, unit, client_id, number)
    async with db.transaction() as tx:
        with pytest.raises(NotAvailable):
            await registry.add_client(tx, KEYS, "another", client_id="client", at=NOW)


async def test_a_removed_client_calls_no_more(db: Database) -> None:
    """From the next read on; what is not there can't be removed."""
    unit = await register(db, UnitKind.NAV, NAV)
    await let_call(db, unit, "client")
    async with db.transaction() as tx:
        await registry.remove_client(tx, KEYS, organisation_number=NAV, client_id="client", at=NOW)
        with pytest.raises(Forbidden):
            await calling(tx, token("client", number=NAV), prefix="consent:")
        with pytest.raises(NotAvailable):
            await registry.remove_client(tx, KEYS, organisation_number=NAV, client_id="client", at=NOW)


async def test_a_disabled_unit_is_nobody_until_it_is_enabled(db: Database) -> None:
    """Whether it is enabled is read each time, in the caller's own transaction."""
    unit = await register(db, UnitKind.NAV, NAV)
    await let_call(db, unit, "client")
    async with db.transaction() as tx:
        await registry.disable(tx, KEYS, unit.id, at=NOW)
        assert await units.enabled_unit(tx, KEYS, unit.id) is None
        with pytest.raises(Forbidden):
            await calling(tx, token("client", number=NAV), prefix="consent:")
        assert not (await units.get(tx, KEYS, unit.id)).enabled
        await registry.enable(tx, KEYS, unit.id, at=NOW)
        assert await units.enabled_unit(tx, KEYS, unit.id) == unit
        assert await units.enabled_unit(tx, KEYS, "another") is None
        for change in (registry.disable, registry.enable):
            with pytest.raises(NotAvailable):
                await change(tx, KEYS, "another", at=NOW)


async def test_a_closed_unit_is_nobody_for_good(db: Database) -> None:
    """It is not enabled again, gets no client, and is not closed in another way; its successor is one that is there."""
    old, new, last = [await register(db, UnitKind.NAV, NAV) for _ in range(3)]
    centre = await register(db, UnitKind.CAREER_CENTRE)
    async with db.transaction() as tx:
        for wrong in (old, centre):
            with pytest.raises(Invalid):
                await registry.close(tx, KEYS, old.id, successor_id=wrong.id, at=NOW)
        with pytest.raises(Invalid):
            await registry.close(tx, KEYS, old.id, successor_id="nobody", at=NOW)
        with pytest.raises(NotAvailable):
            await registry.close(tx, KEYS, "nobody", successor_id=None, at=NOW)
    async with db.transaction() as tx:
        closed = await registry.close(tx, KEYS, old.id, successor_id=new.id, at=NOW)
        assert (closed.enabled, closed.closed_at, closed.successor_id) == (False, NOW, new.id)
        for again in (new.id, None):
            assert await registry.close(tx, KEYS, old.id, successor_id=again, at=NOW + 1) == closed
        with pytest.raises(Conflict):
            await registry.close(tx, KEYS, old.id, successor_id=last.id, at=NOW)
        for act in (registry.enable, registry.disable):
            with pytest.raises(NotAvailable):
                await act(tx, KEYS, old.id, at=NOW)
        with pytest.raises(NotAvailable):
            await registry.add_client(tx, KEYS, old.id, client_id="client", at=NOW)
        with pytest.raises(Invalid):
            await registry.close(tx, KEYS, new.id, successor_id=old.id, at=NOW)
        assert await units.held_enabled(tx, KEYS, [old.id, new.id]) == {new.id: new}


async def test_a_successor_that_is_closed_too_names_its_own(db: Database) -> None:
    """Whom to turn to is the one at the end who is there; nobody, if there is none."""
    old, new, last = [await register(db, UnitKind.NAV, NAV) for _ in range(3)]
    found = []
    for unit, successor in ((old, new), (new, last), (last, None)):
        async with db.transaction() as tx:
            successor_id = None if successor is None else successor.id
            await registry.close(tx, KEYS, unit.id, successor_id=successor_id, at=NOW)
            known = {one.id: one for one in await units.every(tx, KEYS)}
        found.append(units.successor_of(known[old.id], known))
    assert found == [new, last, None]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_caller_has_what_its_scopes_and_its_kind_both_admit(db: Database) -> None:
    """A scope counts as an exact element after the prefix, and only for the kinds that may hold it."""
    unit = await register(db, UnitKind.NAV, NAV)
    await let_call(db, unit, "client")
    scopes = ("consent:content.read", "consent:plans.write", "consent:notes.draft", "consents.read", "x:events.read")
    async with db.snapshot() as view:
        caller = await calling(
            view, token("client", *scopes, "consent:mapping.write.all", number=NAV), prefix="consent:"
        )
    assert caller.scopes == {Scope.CONTENT_READ}
    caller.demand(Scope.CONTENT_READ)
    for scope in set(Scope) - {Scope.CONTENT_READ}:
        with pytest.raises(InsufficientScope):
            caller.demand(scope)


def test_each_kind_may_hold_what_its_part_in_the_journey_needs() -> None:
    """The career centre hands over and nothing else; NAV asks and reads; fagopplæring reads and pushes plans."""
    assert MAY_HOLD[UnitKind.CAREER_CENTRE] == {Scope.NOTES_DRAFT}
    assert MAY_HOLD[UnitKind.NAV] - MAY_HOLD[UnitKind.VOCATIONAL_TRAINING] == {Scope.MAPPING_WRITE}
    assert MAY_HOLD[UnitKind.VOCATIONAL_TRAINING] - MAY_HOLD[UnitKind.NAV] == {Scope.PLANS_WRITE}
    assert set(Scope) == frozenset().union(*MAY_HOLD.values())
    assert names_at_maskinporten("nav:consent/", UnitKind.CAREER_CENTRE) == ["nav:consent/notes.draft"]
