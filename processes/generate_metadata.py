#!/usr/bin/env python3
"""Process `generate_metadata`: counts and measures a 3D file."""

import json
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.base import ReadOptions
from pixyz_scheduler.engine.select import find_engine
from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.script.parameters import Parameters
from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule

METADATA = "metadata.json"


@pixyz_schedule(queue="cpu", timeout=3600)
def main(pc: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Count and measure the input file: parts, triangles, materials, size, B-rep, PMI, properties.

    Params:
        quality (str): how finely curved CAD surfaces become triangles, which are counted: "very_high", "high",
            "medium" or "low"; default "medium". No meaning for mesh formats.
        repair (bool): mend faulty shapes before counting; default false.

    Example:
        {"quality": "low"}

    Result:
        The metadata: format, unit, up, aabb {min, max} in the file's own unit and axes, diagonal, size in metres,
        part_count, material_count, polygon_count, mesh_vertex_count, mesh_edge_count, mesh_boundary, watertight,
        brep_body_count, brep_face_count, brep_boundary, animation_count, variant_count, pmi_component_count,
        annotation_count, metadata_component_count, metadata_property_count, warnings.

    Outputs:
        metadata.json: the same.
    """
    asked = Parameters(params, process="generate_metadata")
    quality = asked.choice("quality", ("very_high", "high", "medium", "low"), default="medium")
    options = ReadOptions(quality=quality, repair=asked.flag("repair", default=False))
    source = pc.get_input_file()
    if source is None:
        raise InvalidParams("generate_metadata needs a 3D file as input: send one (-i FILE, or `file` over HTTP).")
    engine = find_engine()

    pc.progress_set_total(2)
    pc.progress_next(f"Opening {Path(source).name}")
    scene = engine.open(source, options)
    pc.progress_next("Counting")
    found = engine.metadata(scene).to_json()
    found["warnings"] = [*found["warnings"], *asked.unknown()]
    Path(pc.get_output_dir(), METADATA).write_text(json.dumps(found, indent=2, ensure_ascii=False), encoding="utf-8")
    return found


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
