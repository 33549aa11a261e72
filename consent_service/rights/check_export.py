#!/usr/bin/env python3
"""Check an export of the consent service by yourself, without the service.

    python3 check_export.py export.json

It checks that your log is a chain in which nothing was changed, removed or moved; that each line's details are those
that were committed to when it was written; that your receipts name lines of your log; and that the log's signed head
covers them. The same for receipts saved as files: python3 check_export.py export.json receipt.json ...

It needs Python and nothing else. With the package "cryptography" it also checks the signatures. The keys in the export
are the service's own word: compare them with those that you, or somebody whom you trust, fetched at another time.
"""

import base64
import hashlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any


class Broken(Exception):
    """Something is not as it was written."""


def main(arguments: list[str]) -> int:
    """Check the files; 0 if all holds."""
    try:
        export = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        told = check(export, [json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments[1:]])
    except Broken as broken:
        print(f"NOT AS IT WAS WRITTEN: {broken}")
        return 1
    except (IndexError, OSError, ValueError, KeyError, TypeError) as unreadable:
        print(f"This can't be read as an export: {type(unreadable).__name__}\n\n{__doc__}")
        return 2
    print("\n".join(told))
    return 0


def check(export: dict[str, Any], saved: list[dict[str, Any]]) -> list[str]:
    """What holds, in sentences. Raises Broken for the first thing that does not."""
    log, proofs = export["access_log"], export["verification"]
    check_chain(log)
    told = [f"Your log: {len(log)} lines, each linked to the one before, each with the details committed to."]
    head = check_checkpoint(proofs["checkpoint"], proofs["checkpoint_keys"])
    for proof in proofs["inclusions"]:
        if not 0 <= proof["position"] < len(log):
            raise Broken(f"line {proof['position']} is proved to be in your log, and is not there")
        check_inclusion(bytes.fromhex(log[proof["position"]]["hash"]), proof, head)
    covered = f"signed head of {head[0]} leaves" if head else "log's head, which is not signed yet"
    told.append(
        f"The {covered} covers your log up to line {max((p['position'] for p in proofs['inclusions']), default=0)}."
    )
    receipts = [jws for consent in export["consents"] for jws in consent["receipts"]]
    for jws in receipts:
        check_receipt(jws, log, proofs["keys"])
    for one in saved:
        check_receipt(one["jws"], log, proofs["keys"])
        check_saved(one, proofs["checkpoint_keys"])
    told.append(f"Your receipts: {len(receipts) + len(saved)}, each naming a line of your log.")
    signed = (
        "Signatures were checked, too." if crypto("exceptions") else "Signatures were NOT checked: no cryptography."
    )
    return [*told, signed]


def leaf(entry: bytes) -> bytes:
    """RFC 9162, 2.1.1: the hash of a line."""
    return hashlib.sha256(b"\x00" + entry).digest()


def check_chain(log: list[dict[str, Any]]) -> None:
    """Every line links to the one before, stands where it says, and commits to its details."""
    previous, number = bytes(32), -1
    for position, line in enumerate(log):
        entry, digest = json.loads(line["entry"]), leaf(line["entry"].encode())
        if (entry["position"], line["position"]) != (position, position) or entry["previous"] != previous.hex():
            raise Broken(f"line {position} does not follow line {position - 1}")
        if line["hash"] != digest.hex():
            raise Broken(f"line {position} is not what its hash says")
        detail = json.dumps(line["detail"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        if entry["commitment"] != hashlib.sha256(bytes.fromhex(line["salt"]) + detail).hexdigest():
            raise Broken(f"the details of line {position} are not those that were committed to")
        if line["leaf_index"] is not None:
            if line["leaf_index"] <= number:
                raise Broken(f"line {position} was numbered before the line before it")
            number = line["leaf_index"]
        previous = digest


def check_checkpoint(note: str | None, keys: list[str]) -> tuple[int, bytes] | None:
    """Size and root that the log's head says; that one of the keys signed it, if that can be checked."""
    if note is None:
        return None
    text, _, signatures = note.partition("\n\n")
    origin, size, root = text.split("\n")[:3]
    if crypto("exceptions") is not None:
        lines = [line.removeprefix("— ").rpartition(" ") for line in signatures.splitlines()]
        raws = [base64.b64decode(encoded)[4:] for signer, _, encoded in lines if signer == origin]
        if not any(head_signed(f"{text}\n".encode(), raw, origin, key) for key in keys for raw in raws):
            raise Broken("the log's head is not signed by a key of the log's")
    return int(size), base64.b64decode(root)


def head_signed(text: bytes, signature: bytes, origin: str, key: str) -> bool:
    """Ed25519 (RFC 8032), by a key of this log that is written name+id+base64."""
    name, _, encoded = key.split("+", 2)
    public = crypto("hazmat.primitives.asymmetric.ed25519").Ed25519PublicKey.from_public_bytes
    return name == origin and holds(public(base64.b64decode(encoded)[1:]).verify, signature, text)


def check_inclusion(digest: bytes, proof: dict[str, Any], head: tuple[int, bytes] | None) -> None:
    """RFC 9162, 2.1.3.2: the line is the leaf with its number, in the log whose head this is."""
    number, last, result = proof["leaf_index"], proof["size"] - 1, digest
    for node in map(base64.b64decode, proof["path"]):
        if number & 1 or number == last:
            result = hashlib.sha256(b"\x01" + node + result).digest()
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            result = hashlib.sha256(b"\x01" + result + node).digest()
        number, last = number >> 1, last >> 1
    if head is None or (proof["size"], result, last) != (head[0], head[1], 0):
        raise Broken(f"leaf {proof['leaf_index']} is not in the log whose head was signed")


def check_receipt(jws: str, log: list[dict[str, Any]], keys: list[dict[str, str]]) -> None:
    """The receipt names a line of this log, and is signed by one of the service's keys, if that can be checked."""
    evidence = payload(jws)["evidence"]
    position = evidence["chain_position"]
    if not 0 <= position < len(log) or log[position]["hash"] != evidence["entry_hash"]:
        raise Broken(f"a receipt names another line {position} than is in your log")
    if crypto("exceptions") is not None and not any(signed(jws, key) for key in keys):
        raise Broken("a receipt is not signed by the service's key")


def check_saved(answer: dict[str, Any], keys: list[str]) -> None:
    """A receipt that was fetched with its proof: its line is in the log whose head came with it."""
    proof = answer.get("inclusion")
    if proof is not None:
        digest = bytes.fromhex(payload(answer["jws"])["evidence"]["entry_hash"])
        check_inclusion(digest, proof, check_checkpoint(proof["checkpoint"], keys))


def payload(jws: str) -> dict[str, Any]:
    """What a receipt says."""
    content: dict[str, Any] = json.loads(unpadded(jws.split(".")[1]))
    return content


def unpadded(text: str) -> bytes:
    """Base64url as JOSE writes it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(jws: str, key: dict[str, str]) -> bool:
    """ES256 (RFC 7518, 3.4)."""
    ec, utils = crypto("hazmat.primitives.asymmetric.ec"), crypto("hazmat.primitives.asymmetric.utils")
    hashes = crypto("hazmat.primitives.hashes")
    x, y = (int.from_bytes(unpadded(key[name]), "big") for name in ("x", "y"))
    text, _, signature = jws.rpartition(".")
    raw = unpadded(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    return holds(public.verify, der, text.encode(), ec.ECDSA(hashes.SHA256()))


def holds(verify: Any, *arguments: Any) -> bool:
    """Whether a verification does not raise what cryptography raises."""
    try:
        verify(*arguments)
    except crypto("exceptions").InvalidSignature:
        return False
    return True


def crypto(module: str) -> Any:
    """A module of "cryptography", or None where that is not installed: this runs on the candidate's own machine."""
    try:
        return importlib.import_module(f"cryptography.{module}")
    except ImportError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
