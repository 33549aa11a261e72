"""How old somebody is at least, by her identity number, and whether that is old enough.

The number tells the century until new ones are issued that do not (``NumberRule.new_style_from``). Where it does not
tell, the latest date that is not still to come is taken: nobody under age is let in, and who is over a hundred asks for
help. Nothing else is concluded from a number.
"""

from datetime import date

from consent_service.persons.numbers import Kind, NationalId, NumberRule

_MONTH_MARKS = {
    Kind.TNR: 80,
    Kind.DNR_AND_TNR: 80,
    Kind.NHN: 65,
    Kind.DNR_AND_NHN: 65,
    Kind.HNR: 40,
    Kind.DNR_AND_HNR: 40,
}
_DAY_MARK = 40


def is_of_age(number: NationalId, years: int, *, rule: NumberRule, on: date) -> bool:
    """Whether the person with ``number`` has lived so many years on the day ``on``."""
    year, month, day = _born(number, on, told=on < rule.new_style_from)
    return (year + years, month, day) <= (on.year, on.month, on.day)


def _born(number: NationalId, on: date, *, told: bool) -> tuple[int, int, int]:
    """The date of birth, as year, month and day: 29 February of a year that had none is somebody's, too."""
    day, month, yy = (int(number.digits[at : at + 2]) for at in (0, 2, 4))
    day -= _DAY_MARK if day > _DAY_MARK else 0
    month -= _MONTH_MARKS.get(number.kind, 0)
    century = _century(int(number.digits[6:9]), yy) if told else None
    if century is None:
        century = 2000 if (2000 + yy, month, day) <= (on.year, on.month, on.day) else 1900
    return century + yy, month, day


def _century(individual: int, yy: int) -> int | None:
    """What Skatteetaten's table says of the digits after the date, or None where it says nothing."""
    if individual < 500:
        return 1900
    if individual < 750 and yy >= 54:
        return 1800
    if yy < 40:
        return 2000
    return 1900 if individual >= 900 else None
