"""The floor under any answer: the service's own uvicorn settings, FastAPI, 4 KB of JSON, and nothing else.

``python -m tests.benchmarks.hello PORT`` takes the document on standard input, and serialises it for each answer as
FastAPI's own JSONResponse does; without saying so, its encoder would take longer than all of the rest.
"""

import sys

import orjson
import uvloop
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from consent_service.app.serving import server_for


def hello_app(document: object) -> FastAPI:
    """Answers ``document`` at ``/hello``."""
    app = FastAPI(openapi_url=None)

    @app.get("/hello")
    async def hello() -> JSONResponse:
        return JSONResponse(document)

    return app


if __name__ == "__main__":
    app = hello_app(orjson.loads(sys.stdin.buffer.read()))
    uvloop.run(server_for(app, "127.0.0.1", int(sys.argv[1])).serve())
