"""The unit and the up axis that a mesh file states, read from its own text: assimp does not tell."""

import re
import struct
from pathlib import Path

from pixyz_scheduler.engine.open.scene import METRES_Y_UP, Frame

_LOOKED_AT = 1 << 20
_IFC_PREFIXES = {b"MILLI": 1e-3, b"CENTI": 1e-2, b"DECI": 1e-1, b"KILO": 1e3}


def of(path: Path, file_format: str) -> Frame:
    """The frame of a file that assimp reads."""
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT)
    match file_format:
        case "fbx":
            return _fbx(head)
        case "dae" | "zae":
            return _collada(head)
        case "ifc":
            return Frame(_ifc_unit(head), "Z")
        case "3ds" | "ase" | "ask":
            return Frame(1.0, "Z")
        case _:
            return METRES_Y_UP


def _fbx(head: bytes) -> Frame:
    """UnitScaleFactor counts centimetres."""
    scale = _fbx_property(head, b"UnitScaleFactor", rb"D(.{8})", "<d")
    axis = _fbx_property(head, b"UpAxis", rb"I(.{4})", "<i")
    metres = scale / 100 if scale and scale > 0 else 0.01
    return Frame(metres, "Z" if axis == 2 else "Y")  # noqa: PLR2004  (2 is Z)


def _fbx_property(head: bytes, name: bytes, packed: bytes, layout: str) -> float | None:
    """A value from the GlobalSettings of a binary or an ASCII FBX."""
    text = re.search(rb'"' + name + rb'"\s*,[^\n]*?,\s*([-\d.eE+]+)\s*[\r\n]', head)
    if text:
        return float(text[1])
    # Binary: the name, more strings (an S, four bytes of length, the letters), then the value's type letter and bytes.
    found = re.search(rb"[^A-Za-z]" + name + rb"(?:S.{4}[\w ]*){2,3}" + packed, head, re.DOTALL)
    return float(struct.unpack(layout, found[1])[0]) if found else None


def _collada(head: bytes) -> Frame:
    unit = re.search(rb"<unit\b[^>]*\bmeter\s*=\s*[\"']([-\d.eE+]+)", head)
    up = re.search(rb"<up_axis>\s*([XYZ])_UP", head)
    metres = float(unit[1]) if unit else 1.0
    return Frame(metres if metres > 0 else 1.0, "Z" if up and up[1] == b"Z" else "Y")


def _ifc_unit(head: bytes) -> float:
    found = re.search(rb"IFCSIUNIT\s*\([^)]*\.LENGTHUNIT\.\s*,\s*(\$|\.\w+\.)\s*,\s*\.METRE\.", head)
    return _IFC_PREFIXES.get(found[1].strip(b"."), 1.0) if found else 1.0
