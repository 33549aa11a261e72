"""The contact register's advice about a letter's reader, asked for between the gate's word on her number and its word
on the letter.

The rule: nobody is looked up whom the gate has not let be (``Dispatched.register``): then it stands in her log already,
and the words that she said yes to told her so. No answer is no advice, and stops no letter. The look-up takes time, so
the gate's word before it lets no letter go.
"""

import structlog

from consent_service.consents.gate import Dispatched
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.mailbox.port import Unanswered
from consent_service.mailbox.register import ContactRegister, NotReserved, Standing

_log = structlog.get_logger()


async def advice(register: ContactRegister | None, letter: Dispatched) -> Standing | None:
    """How the letter's reader stands in the register; None if it is not asked."""
    if register is None or not letter.register:
        return None
    standing = await register.look_up(letter.national_id)
    if isinstance(standing, Unanswered):
        _log.warning("the contact register gave no answer", delivery_id=letter.letter_id, reason=standing.reason)
    return standing


def is_elsewhere(standing: Standing | None) -> bool:
    """Whether the register names another supplier's mailbox as hers."""
    return isinstance(standing, NotReserved) and standing.supplier not in {None, THE_MAILBOX.organisation_number}
