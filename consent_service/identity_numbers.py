"""What looks like a person's identity number, wherever it is said: one rule for the doors and for the log.

The log takes none, so a door that let one by would let the call fail where it is written.
"""

import re

_LIKE_ONE = re.compile(r"\D*[0-9](?:[^0-9A-Za-z]*[0-9]){10}\D*")


def looks_like_one(text: str) -> bool:
    """Whether ``text`` has eleven digits without a letter between them, and no others: ``A21879498012``,
    ``218794 98012``, ``21.87.94-98012``.

    Not for random ids (UUIDs), whose digits may fall so by chance.
    """
    return _LIKE_ONE.fullmatch(text) is not None
