"""/dev: helpers for those who build on the API; there with DEBUG=true only."""

import json
import logging
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.errors import InvalidUpload, UploadTooLarge

_log = logging.getLogger(__name__)

_MAX_BODY = 1 << 20


def dev_routes() -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["Development"])

    @router.post("/dev/callback", summary="Print what is sent")
    async def callback(request: Request) -> Json:
        """Log the JSON body, and answer null: a target for webhooks under test."""
        _log.info("callback: %s", json.dumps(await _json(request)))
        return Json(None)

    return router


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise UploadTooLarge(f"A callback has at most {_MAX_BODY} bytes.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidUpload(f"The body is not JSON: {error}.") from None
