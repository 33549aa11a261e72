"""What looks like a person's identity number, wherever it is said: one rule for the doors and for the log.

The log takes none, so a door that let one by would let the call fail where it is written.
"""

import re

_LIKE_ONE = re.compile(r"\D*[0-9]{6}[ -]?[0-9]{5}\D*")


def looks_like_one(text: str) -> bool:
    """Whether ``text`` has eleven digits in a row, or six and five, and no others: ``A21879498012``, ``218794-98012``.

    Not for random ids (UUIDs), whose digits may fall so by chance.
    """
    return _LIKE_ONE.fullmatch(text) is not None
