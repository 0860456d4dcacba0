#!/usr/bin/env python3
"""Process `thumbnail_chained`: metadata, pictures and a preview of a 3D file that is opened once."""

import json
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.base import ThumbnailOptions
from pixyz_scheduler.engine.select import find_engine
from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.script.parameters import Parameters
from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule

METADATA = "metadata.json"


@pixyz_schedule(queue="gpu", timeout=3600)
def main(pc: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Count, measure and draw the input file, one step after the other, in one job.

    Params:
        width (int), height (int): of the pictures in pixels, 1 to 8192; default 512 each.
        preview_triangles (int): how many triangles the preview may have; default 500000.

    Example:
        {"width": 256, "height": 256}

    Result:
        {"metadata": {...}, "thumbnails": {"pictures": {"iso": "iso.png", ...}, "preview": "preview.glb", ...},
        "outputs": ["metadata.json", "iso.png", ..., "preview.glb"], "warnings": []}

    Outputs:
        metadata.json, iso.png, x.png, y.png, z.png and preview.glb.
    """
    asked = Parameters(params, process="thumbnail_chained")
    options = ThumbnailOptions(
        width=asked.whole("width", default=512, least=1, most=8192) or 512,
        height=asked.whole("height", default=512, least=1, most=8192) or 512,
        preview_triangles=asked.whole("preview_triangles", default=500_000, least=1),
    )
    source = pc.get_input_file()
    if source is None:
        raise InvalidParams("thumbnail_chained needs a 3D file as input: send one (-i FILE, or `file` over HTTP).")
    engine = find_engine()

    pc.progress_set_total(3)
    pc.progress_next(f"Opening {Path(source).name}")
    scene = engine.open(source)
    pc.progress_next("Counting")
    metadata = engine.metadata(scene).to_json()
    Path(pc.get_output_dir(), METADATA).write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")
    pc.progress_next(f"Drawing {', '.join(options.views)}")
    drawn = engine.thumbnails(scene, pc.get_output_dir(), options)
    return {
        "metadata": metadata,
        "thumbnails": drawn.to_json(),
        "outputs": [METADATA, *drawn.pictures.values(), *([drawn.preview] if drawn.preview else [])],
        "warnings": list(asked.unknown()),
    }


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
