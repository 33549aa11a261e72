"""A D-number becomes a fødselsnummer, on a phone: every page on the way fits the screen, and needs no script."""

from __future__ import annotations

import pytest

from tests.journeys.house import House
from tests.journeys.neighbours import MARIT
from tests.journeys.test_browser import Phone, phone_without_script
from tests.persons.test_linking import D_NUMBER

__all__ = ["phone_without_script"]

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


async def test_a_new_number_is_linked_on_a_phone(house: House, phone_without_script: Phone) -> None:
    """She comes with her new number, is asked whether she has been here before, and is led to what she had."""
    phone = phone_without_script

    await phone.open("/")
    await phone.press("Logg inn med ID-porten")
    await phone.log_in(D_NUMBER.digits)
    await phone.start()
    await phone.press("Logg ut")

    await phone.open("/login")
    await phone.log_in(MARIT)
    await phone.sees("Har du brukt tjenesten før, med et annet nummer?")
    await phone.press("Knytt numrene sammen")
    await phone.press("Begynn med nummeret du har hatt")
    await phone.log_in(D_NUMBER.digits)
    await phone.sees("Du logget inn med D-nummer som begynner på")
    await phone.press("Logg inn med nummeret du har nå")
    await phone.log_in(MARIT)
    await phone.sees("Kjenner du ikke igjen begge, så si nei.")
    await phone.press("Ja, begge er mine")
    await phone.sees("Numrene er knyttet sammen.")
    await phone.press("Tilbake til dine data")
    await phone.press("Innsynslogg")
    await phone.sees("Du viste at et nummer til er ditt.")
    await phone.open("/overview")
    await phone.sees("Hei, Marit Prøvestad")
