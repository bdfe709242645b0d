"""/livez, /readyz and /metrics, the same on every service."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from shared.errors import SuiteError
from shared.telemetry import render_metrics


def health_router(ready: Callable[[], None]) -> APIRouter:
    """Return the routes; `ready` raises a SuiteError whose message says what is missing."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/livez", methods=["GET", "HEAD"])
    async def livez() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> JSONResponse:
        try:
            await run_in_threadpool(ready)
        except SuiteError as error:
            return JSONResponse({"status": "unavailable", "reason": str(error)}, status_code=503)
        return JSONResponse({"status": "ok"})

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics() -> Response:
        body, content_type = render_metrics()
        return Response(body, headers={"Content-Type": content_type})

    return router
