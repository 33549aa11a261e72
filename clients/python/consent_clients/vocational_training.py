"""The county's vocational training office (fagopplæring): maps competence, pushes a tentative plan."""

from __future__ import annotations

import json
from typing import Literal, cast

from consent_clients.connection import File
from consent_clients.mapping import MappingRequest
from consent_clients.models import Employee, GivenAddress, PlanState, PushedPlan, acting
from consent_clients.recipient import Recipient
from consent_clients.training_plan import TrainingPlan


class VocationalTraining(Recipient):
    """A vocational training office's client: everything a `Recipient` does, and the answer to a request."""

    async def report_state(
        self,
        mapping_request_id: str,
        state: Literal["in_work", "more_information_needed", "declined"],
        message: str,
        *,
        employee: Employee | None = None,
    ) -> MappingRequest:
        """Says how the work goes, with words for the candidate."""
        path, body = f"/v1/mapping-requests/{mapping_request_id}/state", {"state": state, "message": message}
        response = await self._connection.post(path, body, headers=acting(employee))
        return cast(MappingRequest, response.json())

    async def push_plan(
        self,
        consent_id: str,
        plan: TrainingPlan,
        *,
        pdf: bytes | None = None,
        correction: bool = False,
        postal_address: GivenAddress | None = None,
        employee: Employee | None = None,
        idempotency_key: str | None = None,
    ) -> PushedPlan:
        """Pushes a plan, or that there is none, under the consent that asked for it.

        It is in the candidate's pages when this returns, and on its way to her mailbox. It is tentative
        and no decision. A `pdf` of your own, of at most 10 000 000 bytes, is what the letter carries in place
        of the one that the service sets; the service looks through it and rebuilds it, and one that it does
        not take is an `Invalid` that says why. With a `postal_address`, never a protected one, the letter goes
        on paper if she has no account in Digipost, where the service has your letters printed. Raises
        `NotAvailable` once the consent has ended: then a plan that was delivered can still be corrected
        (`correction`), for the candidate alone.
        """
        body = {**plan, "consent_id": consent_id, **({"correction": True} if correction else {})}
        if postal_address is not None:
            body["postal_address"] = postal_address
        files: dict[str, File] | None = None
        if pdf is not None:
            sent = json.dumps(body, ensure_ascii=False).encode()
            files = {"plan": (None, sent, "application/json"), "pdf": ("plan.pdf", pdf, "application/pdf")}
        response = await self._connection.create(
            "/v1/plans", body, key=idempotency_key, headers=acting(employee), files=files
        )
        return cast(PushedPlan, response.json())

    async def plan_archive(self, plan_id: str, employee: Employee) -> bytes:
        """The newest version of a plan for your archive: PDF/A-2a, or your own PDF as it was sent.

        It can be fetched while the consent is in force, and each time stands in the candidate's log.
        """
        path = f"/v1/plans/{plan_id}/archive"
        return (await self._connection.get(path, employee.headers)).content

    async def plan(self, plan_id: str) -> PlanState:
        """Where the letter is: up to `delivered`. Whether it was opened is the candidate's business."""
        return cast(PlanState, (await self._connection.get(f"/v1/plans/{plan_id}")).json())
