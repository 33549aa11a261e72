"""What is shown is what is hashed: the client computes the service's hash by itself."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_clients.content import check_hash
from consent_clients.problems import ProofBroken
from consent_service.crypto.canonical import canonical

texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
    max_leaves=12,
)


@given(st.dictionaries(names, values, max_size=6))
def test_the_clients_hash_is_the_services_hash(content: dict[str, object]) -> None:
    """Whatever a note or plan says, service and client hash the same bytes."""
    check_hash(content, hashlib.sha256(canonical(content)).hexdigest())


def test_other_words_under_the_same_hash_are_refused() -> None:
    """A preview or release whose words are not those of its hash is believed by nobody."""
    with pytest.raises(ProofBroken):
        check_hash({"text": "a"}, hashlib.sha256(canonical({"text": "b"})).hexdigest())
