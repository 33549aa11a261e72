"""Who acts in the tests' calls, where it makes no difference who does."""

from __future__ import annotations

from consent_service.identity.employee import Acting, ActingEmployee

BY = Acting(ActingEmployee(id="A123456", office="0501"))
