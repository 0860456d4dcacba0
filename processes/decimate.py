#!/usr/bin/env python3
"""Process `decimate`: makes a 3D file lighter."""

from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.base import ReadOptions
from pixyz_scheduler.engine.select import find_engine
from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.script.parameters import Parameters
from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule


@pixyz_schedule(queue="cpu", timeout=3600)
def main(pc: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Reduce the triangles of the input file; names, colours and places of parts stay.

    Params:
        ratio (number): keep this share of the triangles, over 0 and at most 1; default 0.5 where `triangles` is not
            given.
        triangles (int): keep at most so many. Together with `ratio` the smaller figure rules.
        extension (str): the format to write; default "glb".
        quality (str): how finely curved CAD surfaces become triangles before they are reduced: "very_high", "high",
            "medium" or "low"; default "medium".

    Example:
        {"triangles": 100000}

    Result:
        {"output": "output.glb", "outputs": ["output.glb"], "triangles": 100000,
        "warnings": []}. `warnings` says what was lost, such as animations, or may look wrong, such as textures.

    Outputs:
        output.<extension>.
    """
    asked = Parameters(params, process="decimate")
    engine = find_engine()
    triangles = asked.whole("triangles", least=1)
    ratio = asked.number("ratio", default=0.5 if triangles is None else None, over=0, most=1)
    extension = asked.choice("extension", sorted(engine.formats().writes) or ["glb"], default="glb")
    quality = asked.choice("quality", ("very_high", "high", "medium", "low"), default="medium")
    source = pc.get_input_file()
    if source is None:
        raise InvalidParams("decimate needs a 3D file as input: send one (-i FILE, or `file` over HTTP).")

    pc.progress_set_total(3)
    pc.progress_next(f"Opening {Path(source).name}")
    scene = engine.open(source, ReadOptions(quality=quality))
    pc.progress_next("Decimating")
    lighter = engine.decimate(scene, ratio=ratio, triangles=triangles)
    pc.progress_next(f"Writing output.{extension}")
    written = engine.convert(lighter, Path(pc.get_output_dir(), f"output.{extension}"))
    return {
        "output": written.output,
        "outputs": list(written.files),
        "triangles": written.polygon_count,
        "warnings": [*asked.unknown(), *written.warnings],
    }


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
