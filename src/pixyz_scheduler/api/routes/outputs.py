"""/jobs/{uuid}/outputs: what a job has written."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from pixyz_scheduler.api.accelerator import NO_ACCELERATOR, Accelerator
from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.download import Download, media_type_of
from pixyz_scheduler.api.openapi import answers, problems
from pixyz_scheduler.api.parameters import Id
from pixyz_scheduler.api.schemas import Outputs
from pixyz_scheduler.job_outputs import JobOutputs

OCTETS = "application/octet-stream"
Output = Annotated[str, Path(description="A path that `GET .../outputs` gave.", examples=["views/front.png"])]

_BYTES = {OCTETS: {"schema": {"type": "string", "format": "binary"}}}


def output_routes(written: JobOutputs, accelerator: Accelerator = NO_ACCELERATOR) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["Outputs"])

    @router.get("/jobs/{uuid}/outputs", summary="List a job's files", responses={**answers(Outputs), **problems(404)})
    def outputs(uuid: Id) -> Json:
        """The files that a job has written so far."""
        return Json(Outputs(outputs=written.listed(uuid)))

    @router.head("/jobs/{uuid}/outputs/archive", include_in_schema=False)
    @router.get(
        "/jobs/{uuid}/outputs/archive",
        summary="Download all files",
        response_class=Response,
        responses={200: {"content": _BYTES, "description": "A zip of all outputs."}, **problems(404, 416, 425)},
    )
    def archive(uuid: Id, request: Request) -> Download:
        """All outputs as a zip. The first call has it made: 425 until it is there."""
        return Download(
            written.open_archive(uuid),
            request.headers,
            filename=f"{uuid}.zip",
            media_type=OCTETS,
            attached=True,
            accelerator=accelerator,
        )

    @router.head("/jobs/{uuid}/outputs/{path:path}", include_in_schema=False)
    @router.get(
        "/jobs/{uuid}/outputs/{path:path}",
        summary="Download a file",
        response_class=Response,
        responses={
            200: {"content": _BYTES, "description": "The file."},
            206: {"content": _BYTES, "description": "The part of it that `Range` asked for."},
            304: {"description": "It is the one that `If-None-Match` names."},
            **problems(404, 416),
        },
    )
    def output(uuid: Id, path: Output, request: Request) -> Download:
        """One file, or a range of it; `ETag` tells whether it has changed."""
        name = path.rpartition("/")[2]
        return Download(
            written.open(uuid, path),
            request.headers,
            filename=name,
            media_type=media_type_of(name),
            accelerator=accelerator,
        )

    return router
