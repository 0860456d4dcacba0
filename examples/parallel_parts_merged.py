#!/usr/bin/env python3
"""Converts parts side by side, and puts them into one file: `python parallel_parts_merged.py -i samples -o out`."""

from pathlib import Path

from pixyz_worker.script import *

FORMATS = {".step", ".stp", ".iges", ".fbx", ".obj", ".stl", ".ply", ".3mf", ".glb"}


@pixyz_schedule(wait=True, timeout=3600)
def main(pc: ProgramContext, params: dict) -> object:
    """Convert each 3D file of the input, an archive or a folder, and merge them.

    Params:
        quality (str): how finely CAD surfaces become triangles; default "medium".
    """
    inputs = Path(pc.get_input_dir())
    parts = sorted(path for path in inputs.rglob("*") if path.suffix.lower() in FORMATS)
    if not parts:
        raise ValueError(f"There is no 3D file in {inputs}.")
    step = pc.clone().update(raw=True, compute_only=True)
    convert, merge = step.clone(entrypoint="convert"), step.clone(entrypoint="merge")
    # The inputs of a sub-task are those of its job, unpacked where it runs: it is told a path in them, not of them.
    asked = [{**params, "part": path.relative_to(inputs).as_posix()} for path in parts]
    return chord(pixyz_execute.s(each, convert) for each in asked)(pixyz_execute.s(pc=merge))


def convert(pc: ProgramContext, params: dict) -> dict:
    """One part, to where all of them lie: with compute_only a sub-task's outputs are its job's."""
    from pixyz_scheduler.engine.base import ReadOptions
    from pixyz_scheduler.engine.select import find_engine

    engine = find_engine()
    scene = engine.open(pc.get_input_dir(params["part"]), ReadOptions(quality=params.get("quality", "medium")))
    target = "parts/" + params["part"].replace("/", "-") + ".glb"
    return {"file": target, "triangles": engine.convert(scene, pc.get_output_dir(target)).polygon_count}


def merge(pc: ProgramContext, parts: list) -> dict:
    """All parts, side by side along x."""
    import trimesh

    merged, edge = trimesh.Scene(), 0.0
    for part in parts:
        scene = trimesh.load_scene(pc.get_output_dir(part["file"]))
        low, high = scene.bounds
        scene.apply_translation([edge - low[0], 0, 0])
        edge += 1.1 * (high[0] - low[0])
        merged = trimesh.scene.scene.append_scenes([merged, scene])
    merged.export(pc.get_output_dir("assembly.glb"))
    return {"output": "assembly.glb", "parts": len(parts), "triangles": sum(part["triangles"] for part in parts)}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
