"""The test persons and parties of a local world. Everybody is made up; the numbers are Skatteetaten's synthetic kind.

It stands apart from what they say in the demo, because the image has the sandbox and not the parties' clients.
"""

from dataclasses import dataclass, field

from consent_service.identity.units import UnitKind


@dataclass(frozen=True)
class Person:
    """A test person that the local ID-porten lets in (month + 80 marks a number that nobody has)."""

    called: str
    name: str
    national_id: str = field(repr=False)


MARIT = Person("marit", "Marit Prøvestad", "21879498012")
OLA = Person("ola", "Ola Testvik", "23886799519")
KARI = Person("kari", "Kari Prøvdal", "21818297804")
ELSE = Person("else", "Else Ukjent", "25922947409")
PEOPLE = (MARIT, OLA, KARI, ELSE)


@dataclass(frozen=True)
class Party:
    """A unit to be registered."""

    name: str
    kind: UnitKind
    organisation_number: str
    unit_code: str


COUNTY = "313876144"
"""One organisation number for the county's career centre and its vocational training: the wall stands between units."""

REGION = "Trøndelag"
CAREER_CENTRE = Party("Karrieresenteret Fjordbyen", UnitKind.CAREER_CENTRE, COUNTY, "KAR1")
NAV_OFFICE = Party("NAV Fjordbyen", UnitKind.NAV, "314270320", "0501")
TRAINING = Party("Fagopplæringen i fylket", UnitKind.VOCATIONAL_TRAINING, COUNTY, "FAG1")
