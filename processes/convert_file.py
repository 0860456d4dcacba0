#!/usr/bin/env python3
"""Process `convert_file`: turns a 3D file into other formats."""

from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.base import Engine, ReadOptions
from pixyz_scheduler.engine.select import find_engine
from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.script.parameters import Parameters
from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule


@pixyz_schedule(queue="cpu", timeout=3600)
def main(pc: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Convert the input file into one or several formats.

    Params:
        extension (str): the format to write, as an extension such as "glb", "usdz", "step", "obj", "stl" or "fbx";
            default "glb".
        extensions (list of str): several formats at once, instead of `extension`. The file is read once.
        decimate (number): keep fewer triangles: over 0 up to 1 is a share of them, a whole number over 1 is at most so
            many. Default: all.
        quality (str): how finely curved CAD surfaces become triangles: "very_high", "high", "medium" or "low"; default
            "medium". No meaning for mesh formats.
        repair (bool): mend faulty CAD shapes, drop degenerate and doubled triangles of meshes; default false.

    Example:
        {"extensions": ["glb", "usdz"], "decimate": 0.5}

    Result:
        {"output": "output.glb", "outputs": ["output.glb", "output.usdz"], "warnings": []}. `outputs` names every file,
        also those that stand beside the main one (.mtl, .bin, textures); `warnings` says what a format could not hold.

    Outputs:
        output.<extension> for each format.
    """
    asked = Parameters(params, process="convert_file")
    engine = find_engine()
    extensions = _extensions(asked, engine)
    decimate = asked.number("decimate", over=0)
    quality = asked.choice("quality", ("very_high", "high", "medium", "low"), default="medium")
    options = ReadOptions(quality=quality, repair=asked.flag("repair", default=False))
    source = pc.get_input_file()
    if source is None:
        raise InvalidParams("convert_file needs a 3D file as input: send one (-i FILE, or `file` over HTTP).")

    pc.progress_set_total(1 + len(extensions) + (decimate is not None))
    pc.progress_next(f"Opening {Path(source).name}")
    scene = engine.open(source, options)
    if decimate is not None:
        pc.progress_next("Decimating")
        few = {"ratio": decimate} if decimate <= 1 else {"triangles": int(decimate)}
        scene = engine.decimate(scene, **few)
    outputs: list[str] = []
    warnings = [*asked.unknown()]
    for extension in extensions:
        pc.progress_next(f"Writing output.{extension}")
        written = engine.convert(scene, Path(pc.get_output_dir(), f"output.{extension}"))
        outputs += written.files
        warnings += [warning for warning in written.warnings if warning not in warnings]
    return {"output": f"output.{extensions[0]}", "outputs": list(dict.fromkeys(outputs)), "warnings": warnings}


def _extensions(asked: Parameters, engine: Engine) -> list[str]:
    """Read `extension` or `extensions`, with or without dots, in any case: each a format that can be written."""
    single = asked.text("extension", default="glb") or "glb"
    several = asked.texts("extensions", default=[single])
    formats = engine.formats()
    extensions = list(dict.fromkeys(extension.strip().lower().removeprefix(".") for extension in several))
    for extension in extensions:
        if extension in formats.missing:
            raise InvalidParams(f"convert_file: {extension} cannot be written here: {formats.missing[extension]}")
        if formats.writes and extension not in formats.writes:  # no formats at all: opening will say why
            allowed = ", ".join(sorted(formats.writes))
            raise InvalidParams(f"convert_file: extension must be one of {allowed}, not {extension!r}.")
    return extensions


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
