"""Packs the outputs of a job."""

from pathlib import Path
from typing import Any

from pixyz_scheduler.script.context import ProgramContext
from pixyz_scheduler.storage.archive import pack
from pixyz_scheduler.storage.share import Share


def main(_: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Pack the outputs of the job `params["job"]` on the share `params["share"]`."""
    path = pack(Share(Path(params["share"])).folder(params["job"]))
    return {"archive": path.name, "bytes": path.stat().st_size}
