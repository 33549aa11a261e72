"""``consent-service``: the commands, loaded in one go.

What loading makes stays until the process ends. So nothing looks for rubbish in it meanwhile, which would take a third
of the start, nor ever after, which keeps a process that serves from pausing for it.
"""

import gc

gc.disable()

from consent_service.cli.commands import app  # noqa: E402 - what it loads is what this is about

gc.freeze()
gc.enable()

__all__ = ["app"]

if __name__ == "__main__":
    app()
