"""CAD files into an OCAF document: STEP, IGES, BREP, FCStd by OpenCASCADE, in millimetres with Z up."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.open.archive import Limits, unpack
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import MILLIMETRES_Z_UP, Frame
from pixyz_scheduler.errors import CorruptFile, EmptyScene

STEP = frozenset({"step", "stp", "p21"})
IGES = frozenset({"iges", "igs"})
BREP = frozenset({"brep", "brp"})
FREECAD = frozenset({"fcstd"})

# What STEP and IGES call their units.
_UNIT_NAMES = {
    "metre": 1.0,
    "meter": 1.0,
    "m": 1.0,
    "millimetre": 1e-3,
    "mm": 1e-3,
    "centimetre": 1e-2,
    "cm": 1e-2,
    "micrometre": 1e-6,
    "um": 1e-6,
    "inch": 0.0254,
    "in": 0.0254,
    "foot": 0.3048,
    "ft": 0.3048,
    "kilometre": 1e3,
    "km": 1e3,
}


@dataclass(frozen=True)
class CadDocument:
    """An OCAF document (`TDocStd_Document`), its free shapes, and the unit the file states.

    Coordinates in it are millimetres whatever the file's unit: OpenCASCADE converts when it reads.
    """

    ocaf: Any
    shapes: tuple[Any, ...]
    frame: Frame


def read(path: Path, file_format: str) -> CadDocument:
    """Read a CAD file; `CorruptFile` or `EmptyScene` names it where that fails."""
    need("OCP")
    if file_format in STEP:
        ocaf, frame = _read_step(path)
    elif file_format in IGES:
        ocaf, frame = _read_iges(path)
    else:
        ocaf, frame = new_document(), MILLIMETRES_Z_UP
        if file_format in FREECAD:
            _read_freecad(path, ocaf)
        else:
            _add_brep(path, ocaf, path.name)
    shapes = free_shapes(ocaf)
    if not shapes:
        raise EmptyScene(f"{path.name} holds no shape.")
    return CadDocument(ocaf, shapes, frame)


def new_document() -> Any:
    """An empty OCAF document in millimetres."""
    from OCP.TCollection import TCollection_ExtendedString
    from OCP.TDocStd import TDocStd_Document
    from OCP.XCAFDoc import XCAFDoc_DocumentTool

    ocaf = TDocStd_Document(TCollection_ExtendedString("BinXCAF"))
    XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main())
    XCAFDoc_DocumentTool.SetLengthUnit_s(ocaf, 1e-3)
    return ocaf


def free_shapes(ocaf: Any) -> tuple[Any, ...]:
    """The shapes that no assembly holds."""
    from OCP.collections import Sequence_TDF_Label
    from OCP.XCAFDoc import XCAFDoc_DocumentTool

    tool = XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main())
    labels = Sequence_TDF_Label()
    tool.GetFreeShapes(labels)
    shapes = (tool.GetShape_s(labels.Value(number)) for number in range(1, labels.Length() + 1))
    return tuple(shape for shape in shapes if not shape.IsNull())


def _read_step(path: Path) -> tuple[Any, Frame]:
    from OCP.collections import Sequence_TCollection_AsciiString
    from OCP.STEPCAFControl import STEPCAFControl_Reader

    reader = STEPCAFControl_Reader()
    for mode in ("Color", "Name", "Layer", "GDT", "Mat", "View", "Props", "Meta"):
        getattr(reader, f"Set{mode}Mode")(True)  # noqa: FBT003  (OpenCASCADE's own signature)
    _check_read(reader.ReadFile(str(path)), path)
    lengths, angles, solids = (Sequence_TCollection_AsciiString() for _ in range(3))
    reader.ChangeReader().FileUnits(lengths, angles, solids)
    name = lengths.Value(1).ToCString() if lengths.Length() else "millimetre"
    ocaf = new_document()
    _transfer(reader, ocaf, path)
    return ocaf, _frame(name)


def _read_iges(path: Path) -> tuple[Any, Frame]:
    from OCP.IGESCAFControl import IGESCAFControl_Reader

    reader = IGESCAFControl_Reader()
    for mode in ("Color", "Name", "Layer"):
        getattr(reader, f"Set{mode}Mode")(True)  # noqa: FBT003
    _check_read(reader.ReadFile(str(path)), path)
    name = reader.IGESModel().GlobalSection().UnitName()
    ocaf = new_document()
    _transfer(reader, ocaf, path)
    return ocaf, _frame(name.ToCString() if name is not None else "mm")


def _check_read(status: Any, path: Path) -> None:
    from OCP.IFSelect import IFSelect_ReturnStatus

    if status != IFSelect_ReturnStatus.IFSelect_RetDone:
        raise CorruptFile(f"{path.name} cannot be read: it is damaged, or not the format that its name says.")


def _transfer(reader: Any, ocaf: Any, path: Path) -> None:
    if not reader.Transfer(ocaf):
        raise EmptyScene(f"{path.name} holds no shape that could be read.")


def _frame(unit_name: str) -> Frame:
    return Frame(_UNIT_NAMES.get(unit_name.strip().lower(), 1e-3), "Z")


def _add_brep(path: Path, ocaf: Any, name: str) -> None:
    from OCP.BRep import BRep_Builder
    from OCP.BRepTools import BRepTools
    from OCP.TopoDS import TopoDS_Shape
    from OCP.XCAFDoc import XCAFDoc_DocumentTool

    shape = TopoDS_Shape()
    if not BRepTools.Read_s(shape, str(path), BRep_Builder()) or shape.IsNull():
        raise CorruptFile(f"{name} is not a BREP file, or is damaged.")
    XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main()).AddShape(shape, False)  # noqa: FBT003


def _read_freecad(path: Path, ocaf: Any) -> None:
    """FCStd is a zip with one BREP file for each shape."""
    if not zipfile.is_zipfile(path):
        raise CorruptFile(f"{path.name} is not a FreeCAD file.")
    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder), Limits())
        for member in sorted(Path(folder).rglob("*.br*p")):
            if member.stat().st_size:
                _add_brep(member, ocaf, f"{path.name}/{member.name}")
