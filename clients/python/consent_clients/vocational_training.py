"""The county's vocational training office (fagopplæring): maps competence, pushes a tentative plan."""

from __future__ import annotations

from typing import Literal, cast

from consent_clients.mapping import MappingRequest
from consent_clients.models import PushedPlan
from consent_clients.recipient import Recipient
from consent_clients.training_plan import TrainingPlan


class VocationalTraining(Recipient):
    """A vocational training office's client: everything a `Recipient` does, and the answer to a request."""

    async def report_state(
        self,
        mapping_request_id: str,
        state: Literal["in_work", "more_information_needed", "declined"],
        message: str,
    ) -> MappingRequest:
        """Says how the work goes, with words for the candidate."""
        body = {"state": state, "message": message}
        response = await self._connection.post(f"/v1/mapping-requests/{mapping_request_id}/state", body)
        return cast(MappingRequest, response.json())

    async def push_plan(self, consent_id: str, plan: TrainingPlan, *, idempotency_key: str | None = None) -> PushedPlan:
        """Pushes a plan, or that there is none, under the consent that asked for it.

        It is in the candidate's pages when this returns, and on its way to her mailbox. It is tentative
        and no decision. Raises `NotAvailable` once the consent has ended.
        """
        body = {**plan, "consent_id": consent_id}
        return cast(PushedPlan, (await self._connection.create("/v1/plans", body, key=idempotency_key)).json())

    async def plan(self, plan_id: str) -> PushedPlan:
        """Where the letter is: up to `delivered`. Whether it was opened is the candidate's business."""
        return cast(PushedPlan, (await self._connection.get(f"/v1/plans/{plan_id}")).json())
