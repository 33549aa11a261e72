"""What an operator decides, read once from the environment, and frozen.

Rules: an environment without a name, or with an unknown one, refuses to start (nothing silently becomes local). What
can be set stands in ``variables``, what must hold between it in ``checked``, and how it is read in ``reading``.
"""

from consent_service.settings.checked import Settings
from consent_service.settings.reading import Misconfigured, read
from consent_service.settings.variables import Environment

__all__ = ["Environment", "Misconfigured", "Settings", "read"]
