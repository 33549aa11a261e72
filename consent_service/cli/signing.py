"""Signing the log's head on an operator's word."""

from consent_service.app.assembly import log_origin
from consent_service.app.opening import Opened
from consent_service.audit import sequencer
from consent_service.cli.operating import fail
from consent_service.clock import Clock
from consent_service.settings import Settings

_OPERATOR = "operator"  # whoever types: the lease that one command took is the next one's


async def sign_head(here: Opened, settings: Settings, clock: Clock) -> str | None:
    """The log's newest head as its signed text, signed now if it has grown; None while there is nothing to sign.

    Ends the command if the log is no longer what was signed.
    """
    now = clock.now()
    try:
        async with here.db.transaction() as tx:  # what a running process numbers by itself, this one leaves to it
            while await sequencer.sequence(tx, here.keys.service.log, holder=_OPERATOR, now=now):
                continue
        signers = await here.keys.checkpoints.current()
        async with here.db.transaction() as tx:
            if await sequencer.size(tx) and await here.keys.checkpoints.still(tx):
                await sequencer.sign_now(tx, signers, log_origin(settings), now=now)
            return await sequencer.newest_note(tx)
    except sequencer.HistoryChanged:
        fail("The log is no longer what was signed, and is not signed again. See: consent-service audit verify")
