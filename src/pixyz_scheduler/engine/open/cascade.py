"""STEP and IGES by cascadio, which needs no system library: for machines where OpenCASCADE's own module cannot load."""

import math
import re
from pathlib import Path
from typing import Literal

import numpy as np

from pixyz_scheduler.engine.base import ReadOptions
from pixyz_scheduler.engine.open import cad_document, glb, gltf_check, gltf_facts, gltf_look
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.quiet import quiet
from pixyz_scheduler.engine.open.scene import Facts, Frame, Scene
from pixyz_scheduler.engine.open.tessellation import ANGLE, SAG
from pixyz_scheduler.errors import CorruptFile, UnsupportedFormat

UNKNOWN = (
    "read by cascadio: B-rep boundaries, PMI and user properties are not known, and STEP cannot be written exactly"
)

_METRES = {
    b"METRE": 1.0,
    b"MILLI": 1e-3,
    b"CENTI": 1e-2,
    b"MICRO": 1e-6,
    b"KILO": 1e3,
    b"INCH": 0.0254,
    b"FOOT": 0.3048,
}
# cascadio writes metres, and keeps Z up.
_TURN = [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]


def read(path: Path, file_format: str, options: ReadOptions, *, parallel: bool) -> Scene:
    """Open a STEP or IGES file."""
    need("cascadio")
    if file_format not in cad_document.STEP | cad_document.IGES:
        raise UnsupportedFormat(f"{path.name}: cascadio reads STEP and IGES only.")
    source = path.read_bytes()
    sag = SAG[options.quality]
    with quiet():
        data = _load(source, path, file_format, sag.millimetres, parallel=parallel)
        document, binary = glb.split(data, path.name)
        wanted = sag.of(_diagonal(document) * 1000)
        if wanted < sag.millimetres:  # a small part, too coarse by the length alone
            document, binary = glb.split(_load(source, path, file_format, wanted, parallel=parallel), path.name)
    gltf_check.check(document, len(binary), path.name)
    glb.wrap(document, _TURN)
    triangles = gltf_facts.of(document)
    gltf_look.complete(document)
    frame = Frame(_unit(source), "Z") if file_format in cad_document.STEP else Frame(1e-3, "Z")
    facts = _facts(source, file_format, triangles)
    return Scene(path, file_format, frame, facts, glb=glb.join(document, binary), warnings=(UNKNOWN,))


def _load(source: bytes, path: Path, file_format: str, sag: float, *, parallel: bool) -> bytes:
    import cascadio

    kind: Literal["iges", "step"] = "iges" if file_format in cad_document.IGES else "step"
    data: bytes = cascadio.load(source, kind, tol_linear=sag, tol_angular=ANGLE, use_parallel=parallel)
    if not data:
        raise CorruptFile(f"{path.name} cannot be read: it is damaged, or not the format that its name says.")
    return data


def _diagonal(document: glb.Document) -> float:
    """Of the largest mesh, in metres: parts may stand apart, and each wants its own fineness."""
    sizes = [
        math.dist(accessor["min"], accessor["max"])
        for accessor in document.get("accessors", [])
        if accessor.get("type") == "VEC3" and "min" in accessor
    ]
    return float(np.max(sizes)) if sizes else 0.0


def _unit(source: bytes) -> float:
    converted = re.search(rb"CONVERSION_BASED_UNIT\s*\(\s*'(\w+)'", source)
    if converted and converted[1].upper() in _METRES:
        return _METRES[converted[1].upper()]
    length = re.search(rb"SI_UNIT\s*\(\s*(?:\.(\w+)\.|\$)\s*,\s*\.METRE\.", source)
    return _METRES.get(length[1] or b"METRE", 1e-3) if length else 1e-3


def _facts(source: bytes, file_format: str, triangles: Facts) -> Facts:
    counts: dict[str, int | None] = {"bodies": None, "faces": None}
    if file_format in cad_document.STEP:
        counts["bodies"] = _entities(source, b"MANIFOLD_SOLID_BREP", b"BREP_WITH_VOIDS", b"SHELL_BASED_SURFACE_MODEL")
        counts["faces"] = _entities(source, b"ADVANCED_FACE", b"FACE_SURFACE")
    return Facts(
        materials=triangles.materials,
        brep_bodies=counts["bodies"],
        brep_faces=counts["faces"],
        brep_boundary=None,
        pmi_components=None,
        annotations=None,
        metadata_components=None,
        metadata_properties=None,
    )


def _entities(source: bytes, *names: bytes) -> int:
    """Definitions in the file; instances of one are counted once."""
    return sum(len(re.findall(rb"=\s*" + name + rb"\s*\(", source)) for name in names)
