"""Whose a number is, and who may say so."""

from __future__ import annotations

from tests.faults.fault import in_room

LINKING, PROOFS, PROPOSALS = (f"tests/persons/test_{name}.py" for name in ("linking", "proofs", "proposals"))

FAULTS = (
    in_room(
        "persons/relookup",
        "whoever can't be moved to another lookup key is cut off",
        "    if seen.broken:\n",
        "    if seen.broken < 0:\n",
        "tests/persons/test_relookup.py",
        also=(("    if moved.broken:\n", "    if moved.broken < 0:\n"),),
    ),
    in_room(
        "persons/arrival",
        "what waits keeps a person from her pages whose chain was put back",
        "    except (Taken, NotAvailable) as fault:",
        "    except NotAvailable as fault:",
        "tests/api/test_put_back_chain.py",
    ),
    in_room(
        "persons/lookup",
        "who a person is follows a head that was put back",
        "    head = left_beside(log_key, row)",
        "    head = head_beside(row)",
        "tests/consents/test_who_she_is.py",
        also=(("import left_beside, steps_of", "import head_beside, left_beside, steps_of"),),
    ),
    in_room(
        "audit/vocabulary",
        "a link is no other version of the person",
        '"person.updated", "number.linked"})',
        '"person.updated"})',
        "tests/persons/test_linking.py",
    ),
    in_room(
        "persons/linking",
        "a number that came in this moment is linked all the same",
        "        return NotLinked.TWO_CANDIDATES  # its owner came in this moment\n",
        "        pass\n",
        LINKING,
        "postgresql",
    ),
    in_room(
        "persons/linking",
        "the old number goes with what is shared",
        "self.before if self.now.is_d_number and not self.before.is_d_number else self.now",
        "self.before",
        LINKING,
        "tests/rights/test_linked.py",
    ),
    in_room(
        "persons/linking",
        "a linked number is sealed nowhere",
        "    await seal_number(tx, key, version, found.number.digits, held_for=held_for, at=at)\n",
        "",
        LINKING,
    ),
    in_room(
        "identity/login",
        "a login from before is one anew",
        "if anew and (shown_at is None",
        "if not anew and (shown_at is None",
        "tests/identity/test_login.py",
    ),
    in_room(
        "web/numbers",
        "an ordinary login shows a number",
        "return await to_idporten(visit, at_idporten, LINK, anew=True)",
        "return await to_idporten(visit, at_idporten, LINK)",
        "tests/web/test_numbers.py",
    ),
    in_room(
        "web/numbers",
        "a proof is used again",
        "if await proofs.take(tx, service, session, now=at) is not None:",
        "if proof:",
        "tests/web/test_numbers.py",
    ),
    in_room(
        "persons/proofs",
        "a third login completes what two have shown",
        "held is None or held.whole",
        "held is None",
        PROOFS,
    ),
    in_room(
        "persons/proofs", "half a proof is enough", "proof is not None and proof.whole", "proof is not None", PROOFS
    ),
    in_room("persons/proofs", "a proof lasts", 'if now >= row["lapses_at"]', 'if now < 0 >= row["lapses_at"]', PROOFS),
    in_room(
        "persons/proofs",
        "a proof is any session's",
        'aad("1", "number proof", lookup, session_hash.hex(), str(whole), str(lapses_at))',
        'aad("1", "number proof", lookup)',
        PROOFS,
    ),
    in_room(
        "persons/proposals",
        "one operator is two",
        'if by.casefold() == row["proposed_by"].casefold():',
        'if by == "" == row["proposed_by"]:',
        PROPOSALS,
    ),
    in_room(
        "persons/proposals",
        "the second may type anything",
        'if not keys.rows.verify(_commits(proposal_id, pair), bytes(row["commitment"])):',
        'if not row["commitment"]:',
        PROPOSALS,
    ),
    in_room(
        "persons/proposals",
        "a proposal is believed without its MAC",
        'rows.verify(_message(row), row["mac"])',
        "bool(_message(row))",
        PROPOSALS,
    ),
    in_room("persons/proposals", "a proposal lasts", 'if at >= row["lapses_at"]:', "if at < 0:", PROPOSALS),
)
