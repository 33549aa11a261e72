"""Plans and mapping requests, seen as what can be shared of them."""

from collections.abc import Collection
from typing import Any, Final

import orjson

from consent_service.crypto.service_keys import ServiceKeys
from consent_service.plans.content import MappingRequestContent
from consent_service.plans.parts import plan_parts
from consent_service.plans.reading import MyRequest, my_plan, my_plans, my_request
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.web.choosing import Group, group
from consent_service.web.telling import tell
from consent_service.web.words import Words

_REQUEST_PARTS: Final = tuple(MappingRequestContent.model_fields)


async def from_plans(
    view: Snapshot, key: CandidateKey, kinds: Collection[str], words: Words, *, first: int
) -> list[Group]:
    """What the newest versions of the candidate's plans have of ``kinds``; groups are numbered from ``first``."""
    if not any(kind.startswith("plan.") for kind in kinds):
        return []
    groups: list[Group] = []
    for line in await my_plans(view, key.candidate_id):
        plan, content = await my_plan(view, key, line.id)
        heading = words("share.from_plan", day=words.day(plan.created_at), version=plan.version)
        parts = {name: orjson.loads(raw) for name, raw in plan_parts(content).items()}
        groups.append(group(first + len(groups), heading, f"plan:{plan.id}:{plan.version}", parts, kinds, words))
    return [one for one in groups if one.parts]


async def from_request(
    view: Snapshot,
    keys: ServiceKeys,
    key: CandidateKey,
    request_id: str | None,
    kinds: Collection[str],
    words: Words,
    *,
    now: int,
) -> list[Group]:
    """What a mapping request has of ``kinds``; nothing where the consent is about none."""
    if request_id is None:
        return []
    request = await my_request(view, keys, key, request_id, now=now)
    parts = {ref.part: content for ref, content in _in_order(request)}
    found = group(1, words("share.from_request"), f"mapping_request:{request.id}:1", parts, kinds, words)
    return [found] if found.parts else []


async def request_words(
    view: Snapshot, keys: ServiceKeys, key: CandidateKey, request_id: str | None, words: Words, *, now: int
) -> list[dict[str, Any]]:
    """A mapping request word for word, part by part; nothing where the consent is about none."""
    if request_id is None:
        return []
    request = await my_request(view, keys, key, request_id, now=now)
    return [{"name": words.kind(ref.kind), "fields": tell(content, words)} for ref, content in _in_order(request)]


def _in_order(request: MyRequest) -> list[tuple[PartRef, Any]]:
    """The parts in the order in which a request is written, and not in that of their names."""
    return sorted(request.parts.items(), key=lambda part: _REQUEST_PARTS.index(part[0].part))
