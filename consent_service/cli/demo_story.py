"""The journey of the design's section 4, walked over HTTP with the clients, each step checked.

Marit goes the whole way and is left with a note, a consent in force, a request that waits for her and a plan,
so that a visitor can log in as her. Ola, who comes after her, erases himself.
"""

from __future__ import annotations

from consent_service.cli import demo_ending, demo_mapping, demo_sharing
from consent_service.cli.demo_cast import Cast
from consent_service.cli.demo_telling import Telling


async def tell(cast: Cast, say: Telling) -> None:
    """All eight steps, in order. Raises DoesNotHold at the first promise that is not kept."""
    note = await demo_sharing.hand_over(cast, say)
    guidance = await demo_sharing.share_with_nav(cast, say, note)
    await demo_sharing.nav_reads(cast, say, guidance)
    mapping = await demo_mapping.ask_for_mapping(cast, say, note)
    plan = await demo_mapping.map_competence(cast, say, mapping)
    await demo_mapping.deliver(cast, say, plan)
    await demo_ending.share_the_plan_and_revoke(cast, say, guidance, plan)
    await demo_ending.look_back(cast, say, guidance)
    await demo_ending.erase(cast, say)
    await demo_ending.leave_something_waiting(cast, say)
