"""FBX, DAE, 3DS, X, IFC and the many others that libassimp knows: read as GLB, written from GLB."""

import re
import tempfile
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
_LOST_BY_DRACO = "animations and skins lost: the source is compressed by Draco"
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
    lost: tuple[str, ...] = ()
    if "KHR_draco_mesh_compression" in document.get("extensionsUsed", []):
        # assimp as built for the wheel has no Draco, and trimesh, which unpacks it, no animations.
        lost = (_LOST_BY_DRACO,) if _is_moving(document) else ()
        document, binary = glb.split(glb.dump(scene.tree), out.name)
    if file_format == "fbx":
        # The unit of an FBX file, if it says nothing else, is the centimetre.
        glb.wrap(document, np.diag([100.0, 100.0, 100.0, 1.0]))
    if file_format == "dae":
        _plain_names(document)
    # Into a folder of its own first: what else assimp writes, textures for one, is only known afterwards.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as folder:
        staged = Path(folder) / out.name
        try:
            warnings = _write_readable(document, binary, staged, WRITERS[file_format])
        except libassimp.AssimpError as error:
            raise EngineError(f"{out.name} cannot be written: {error}.") from error
        beside = sorted(file.name for file in Path(folder).iterdir() if file != staged)
        for name in (*beside, out.name):
            (Path(folder) / name).replace(out.parent / name)
    return (out.name, *beside), (*lost, *warnings)


def _write_readable(document: glb.Document, binary: bytes, out: Path, writer: str) -> tuple[str, ...]:
    """Write; once more without animations where what moves came out so that it cannot be read. Warnings."""
    libassimp.from_glb(glb.join(document, binary), out, writer)
    if not _is_moving(document) or _is_readable(out):
        return ()
    _stop(document)
    libassimp.from_glb(glb.join(document, binary), out, writer)
    return (f"animations and skins lost: assimp cannot write these as {out.suffix[1:].upper()}",)


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
