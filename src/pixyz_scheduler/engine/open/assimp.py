"""FBX, DAE, 3DS, X, IFC and the many others that libassimp knows: read as GLB, written from GLB."""

import re
from pathlib import Path

import numpy as np

from pixyz_scheduler.engine.open import file_frame, glb, gltf_check, gltf_facts, gltf_mend, libassimp
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import CorruptFile, EmptyScene, EngineError, UnsupportedFormat

# Of every node; and those by which a camera or a light is known.
_SETTINGS = frozenset({"DefaultAttributeIndex", "InheritType", "IsNull"})
_DEVICE_SETTINGS = frozenset({"AspectW", "CastLight", "CastLightOnObject", "LightType", "ViewFrustum"})
# How assimp begins what is said of files that are not damaged.
_KINDS: dict[str, type[EngineError]] = {
    "No suitable reader": UnsupportedFormat,
    "No meshes remaining": EmptyScene,
    libassimp.NOTHING: EmptyScene,
}
WRITERS = {"fbx": "fbx", "dae": "collada"}


def read(path: Path, file_format: str) -> Scene:
    """Open a file with libassimp."""
    need("assimp")
    frame = file_frame.of(path, file_format)
    try:
        data = libassimp.to_glb(path)
    except libassimp.AssimpError as error:
        said = str(error).replace(f"{path.parent}/", "")
        kind = next((kind for start, kind in _KINDS.items() if said.startswith(start)), CorruptFile)
        raise kind(f"{path.name} cannot be read: {said}.") from error
    document, binary = glb.split(data, path.name)
    if file_format == "fbx":
        # assimp leaves FBX in the file's own unit. It does turn the axes.
        glb.wrap(document, np.diag([frame.unit_metres] * 3 + [1.0]))
        _drop_settings(document)
    gltf_check.check(document, len(binary), path.name)
    binary, warnings = gltf_mend.mend(document, binary)
    facts = gltf_facts.of(document)
    return Scene(path, file_format, frame, facts, glb=glb.join(document, binary), warnings=warnings)


def write(scene: Scene, out: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write a scene by one of libassimp's exporters; the files' names, and warnings."""
    need("assimp")
    file_format = out.suffix[1:].lower()
    document, binary = glb.split(scene.to_glb(), out.name)
    if "KHR_draco_mesh_compression" in document.get("extensionsUsed", []):
        document, binary = glb.split(glb.dump(scene.tree), out.name)  # assimp as built for the wheel has no Draco
    if file_format == "fbx":
        # The unit of an FBX file, if it says nothing else, is the centimetre.
        glb.wrap(document, np.diag([100.0, 100.0, 100.0, 1.0]))
    if file_format == "dae":
        _plain_names(document)
    before = set(out.parent.iterdir())
    warnings: tuple[str, ...] = ()
    try:
        libassimp.from_glb(glb.join(document, binary), out, WRITERS[file_format])
        if _is_moving(document) and not _is_readable(out):
            _stop(document)
            libassimp.from_glb(glb.join(document, binary), out, WRITERS[file_format])
            warnings = (f"animations and skins lost: assimp cannot write these as {file_format.upper()}",)
    except libassimp.AssimpError as error:
        raise EngineError(f"{out.name} cannot be written: {error}.") from error
    beside = sorted(file.name for file in set(out.parent.iterdir()) - before - {out})
    return (out.name, *beside), warnings


def _is_moving(document: glb.Document) -> bool:
    return bool(document.get("animations") or document.get("skins"))


def _is_readable(out: Path) -> bool:
    """Assimp's Collada exporter forgets the keys of a bone that only turns, and no reader takes the file then."""
    try:
        libassimp.to_glb(out)
    except libassimp.AssimpError:
        return False
    return True


def _stop(document: glb.Document) -> None:
    """Take animations and skins out."""
    document.pop("animations", None)
    document.pop("skins", None)
    for node in document.get("nodes", []):
        node.pop("skin", None)


def _plain_names(document: glb.Document) -> None:
    """Letters, digits, - and _ only: the Collada exporter writes other names here plain, there encoded."""
    for kind in ("nodes", "meshes", "materials", "animations", "skins"):
        for item in document.get(kind, []):
            if "name" in item:
                item["name"] = re.sub(r"[^\w-]", "_", str(item["name"]))


def _drop_settings(document: glb.Document) -> None:
    """Assimp puts FBX's own settings among the user's properties: take them out again."""
    for node in document.get("nodes", []):
        extras = node.get("extras")
        if isinstance(extras, dict):
            device = not extras.keys().isdisjoint(_DEVICE_SETTINGS)
            kept = {} if device else {key: v for key, v in extras.items() if key not in _SETTINGS and v != ""}
            if kept:
                node["extras"] = kept
            else:
                del node["extras"]
