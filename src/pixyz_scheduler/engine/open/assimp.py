"""FBX, DAE, 3DS, X, IFC and the many others that libassimp knows: read as GLB, written from GLB."""

import re
from pathlib import Path

import numpy as np

from pixyz_scheduler.engine.open import file_frame, glb, gltf_check, gltf_facts, libassimp
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import CorruptFile, EngineError

WRITERS = {"fbx": "fbx", "dae": "collada", "3ds": "3ds", "x": "x"}


def read(path: Path, file_format: str) -> Scene:
    """Open a file with libassimp."""
    need("assimp")
    frame = file_frame.of(path, file_format)
    try:
        data = libassimp.to_glb(path)
    except libassimp.AssimpError as error:
        raise CorruptFile(f"{path.name} cannot be read: {error}.") from error
    document, binary = glb.split(data, path.name)
    if file_format == "fbx":
        # assimp leaves FBX in the file's own unit. It does turn the axes.
        glb.wrap(document, np.diag([frame.unit_metres] * 3 + [1.0]))
    gltf_check.check(document, len(binary), path.name)
    return Scene(path, file_format, frame, gltf_facts.of(document), glb=glb.join(document, binary))


def write(scene: Scene, out: Path) -> tuple[str, ...]:
    """Write a scene by one of libassimp's exporters; the files' names."""
    need("assimp")
    file_format = out.suffix[1:].lower()
    document, binary = glb.split(scene.to_glb(), out.name)
    if "KHR_draco_mesh_compression" in document.get("extensionsUsed", []):
        document, binary = glb.split(glb.dump(scene.tree), out.name)  # assimp as built for the wheel has no Draco
    if file_format == "fbx":
        glb.wrap(document, np.diag([100.0, 100.0, 100.0, 1.0]))  # the unit of an FBX file, if it says nothing else, is the centimetre
    steps = libassimp.TRIANGULATE
    if file_format == "3ds":
        steps |= libassimp.PRE_TRANSFORM  # this exporter forgets the nodes' transforms
    before = set(out.parent.iterdir())
    try:
        libassimp.from_glb(glb.join(document, binary), out, WRITERS[file_format], steps=steps)
    except libassimp.AssimpError as error:
        raise EngineError(f"{out.name} cannot be written: {error}.") from error
    beside = sorted(file.name for file in set(out.parent.iterdir()) - before - {out} if re.match(r"\w", file.name))
    return (out.name, *beside)
