#!/usr/bin/env python3
"""Process `generate_thumbnails`: draws pictures of a 3D file, and makes a light preview of it."""

from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.base import ReadOptions, ThumbnailOptions
from pixyz_scheduler.engine.select import find_engine
from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.script.parameters import Parameters
from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule

VIEWS = ("iso", "x", "y", "z")


@pixyz_schedule(queue="gpu", timeout=3600)
def main(pc: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Draw the input file from four sides and make a light GLB for previews. Needs neither GPU nor display.

    Params:
        width (int), height (int): of the pictures in pixels, 1 to 8192; default 512 each.
        views (list of str): some of "iso", "x", "y", "z"; default all. `iso` looks from a corner; `x`, `y`, `z` along
            the axes of the file: from its right, front and top where Z is up (CAD), from its right, top and front
            where Y is.
        background (str): "transparent" or "white"; default "transparent".
        preview (bool): also write preview.glb; default true.
        preview_triangles (int): how many triangles the preview may have; default 500000.
        renderer (str): "auto", "soft" or "f3d"; default "auto": f3d where there is a graphics card, else our own.
        quality (str): how finely curved CAD surfaces become triangles: "very_high", "high", "medium" or "low"; default
            "medium".

    Example:
        {"width": 1024, "height": 768, "views": ["iso"], "background": "white"}

    Result:
        {"pictures": {"iso": "iso.png", ...}, "width": 512, "height": 512, "renderer": "soft", "preview": "preview.glb",
        "preview_triangles": 21588, "outputs": ["iso.png", ..., "preview.glb"], "warnings": []}

    Outputs:
        iso.png, x.png, y.png, z.png and preview.glb.
    """
    asked = Parameters(params, process="generate_thumbnails")
    options = _options(asked)
    quality = asked.choice("quality", ("very_high", "high", "medium", "low"), default="medium")
    source = pc.get_input_file()
    if source is None:
        raise InvalidParams("generate_thumbnails needs a 3D file as input: send one (-i FILE, or `file` over HTTP).")
    engine = find_engine()

    pc.progress_set_total(2)
    pc.progress_next(f"Opening {Path(source).name}")
    scene = engine.open(source, ReadOptions(quality=quality))
    pc.progress_next(f"Drawing {', '.join(options.views)}")
    drawn = engine.thumbnails(scene, pc.get_output_dir(), options)
    outputs = [*drawn.pictures.values(), *([drawn.preview] if drawn.preview else [])]
    return {**drawn.to_json(), "outputs": outputs, "warnings": [*asked.unknown(), *drawn.warnings]}


def _options(asked: Parameters) -> ThumbnailOptions:
    preview = asked.flag("preview", default=True)
    triangles = asked.whole("preview_triangles", default=500_000, least=1)
    return ThumbnailOptions(
        width=asked.whole("width", default=512, least=1, most=8192) or 512,
        height=asked.whole("height", default=512, least=1, most=8192) or 512,
        views=asked.choices("views", VIEWS, default=VIEWS),
        preview_triangles=triangles if preview else None,
        renderer=asked.choice("renderer", ("auto", "soft", "f3d"), default="auto"),
        background=asked.choice("background", ("transparent", "white"), default="transparent"),
    )


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
