"""When an address may come with a plan."""

from __future__ import annotations

import pytest

from consent_service.consents.purposes import Purposes
from consent_service.errors import Invalid
from consent_service.mailbox.port import PostalAddress
from consent_service.plans.postal import check

AT_HOME = PostalAddress("Kari Prøve", ("Storgata 1",), "7713", "Steinkjer")
PURPOSES = Purposes.load()


def test_the_words_that_she_said_yes_to_must_have_told_of_paper() -> None:
    """Those of today do; those of the first version did not, and a yes to them stays what it was."""
    check(AT_HOME, PURPOSES.get("competence_mapping"), printed=True)
    with pytest.raises(Invalid):
        check(AT_HOME, PURPOSES.get("competence_mapping", 1), printed=True)
    check(None, PURPOSES.get("competence_mapping", 1), printed=True)


def test_no_address_is_taken_where_nothing_is_printed() -> None:
    """It would be kept for nothing."""
    with pytest.raises(Invalid):
        check(AT_HOME, PURPOSES.get("competence_mapping"), printed=False)


def test_the_words_of_paper_say_so_in_every_language() -> None:
    """A version that lets letters be printed tells of it, and of secret addresses, in each."""
    texts = PURPOSES.get("competence_mapping").texts
    for told, paper, secret in (
        (texts.nb, "papir", "hemmelig"),
        (texts.nn, "papir", "hemmeleg"),
        (texts.en, "paper", "secret"),
    ):
        assert paper in told.recipient_may
        assert secret in told.recipient_may


def test_a_change_of_words_about_paper_asks_nobody_anew() -> None:
    """It is minor: a yes to the words before it goes on as it was, without paper."""
    assert not PURPOSES.must_ask_anew("competence_mapping", 1)
