"""STEP, IGES and BREP: exact where the source was CAD and nothing was edited; tessellated (AP242) from triangles."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pixyz_scheduler.engine.open import cad_document, glb
from pixyz_scheduler.engine.open.cad_document import BREP, IGES
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.quiet import quiet
from pixyz_scheduler.engine.open.rigid import rigid_tree
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import EngineError, UnsupportedFormat

_AP242 = 5
_TESSELLATED, _EXACT_IF_THERE = 1, 2


def write(scene: Scene, out: Path) -> tuple[str, ...]:
    """Write the file; its name."""
    need("OCP")
    file_format = out.suffix[1:].lower()
    if scene.document is None and file_format in IGES:
        # OpenCASCADE's IGES writer crashes on shapes that have triangles only.
        raise UnsupportedFormat(f"{out.name}: IGES can only be written from a CAD file, and {scene.path.name} is none.")
    with quiet():
        ocaf = scene.document.ocaf if scene.document is not None else _from_triangles(scene, out)
        if file_format in IGES:
            _write_iges(ocaf, out)
        elif file_format in BREP:
            _write_brep(ocaf, out)
        else:
            _write_step(ocaf, out, _EXACT_IF_THERE if scene.document is not None else _TESSELLATED)
    return (out.name,)


def _from_triangles(scene: Scene, out: Path) -> Any:
    """The scene as an OCAF document of triangulated faces, in millimetres with Z up."""
    from OCP.Message import Message_ProgressRange
    from OCP.RWGltf import RWGltf_CafReader
    from OCP.RWMesh import RWMesh_CoordinateSystem
    from OCP.TCollection import TCollection_AsciiString

    ocaf = cad_document.new_document()
    reader = RWGltf_CafReader()
    reader.SetDocument(ocaf)
    reader.SetSystemLengthUnit(1e-3)
    reader.SetSystemCoordinateSystem(RWMesh_CoordinateSystem.RWMesh_CoordinateSystem_Zup)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.glb"
        file.write_bytes(glb.dump(rigid_tree(scene, np.eye(4))))
        if not reader.Perform(TCollection_AsciiString(str(file)), Message_ProgressRange()):
            raise EngineError(f"{out.name} cannot be written: OpenCASCADE does not take the triangles.")
    return ocaf


def _write_step(ocaf: Any, out: Path, tessellated: int) -> None:
    from OCP.IFSelect import IFSelect_ReturnStatus
    from OCP.Interface import Interface_Static
    from OCP.Message import Message_ProgressRange
    from OCP.STEPCAFControl import STEPCAFControl_Writer
    from OCP.STEPControl import STEPControl_StepModelType

    writer = STEPCAFControl_Writer()
    for mode in ("Color", "Name", "Layer", "DimTol", "Props", "VisualMaterial"):
        getattr(writer, f"Set{mode}Mode")(True)  # noqa: FBT003  (OpenCASCADE's own signature)
    Interface_Static.SetIVal_s("write.step.schema", _AP242)
    Interface_Static.SetIVal_s("write.step.tessellated", tessellated)
    # The third argument must be None: any text, an empty one too, makes a file for each part.
    done = writer.Transfer(ocaf, STEPControl_StepModelType.STEPControl_AsIs, None, Message_ProgressRange())
    if not done or writer.Write(str(out)) != IFSelect_ReturnStatus.IFSelect_RetDone:
        raise EngineError(f"{out.name} cannot be written as STEP.")


def _write_iges(ocaf: Any, out: Path) -> None:
    from OCP.IGESCAFControl import IGESCAFControl_Writer
    from OCP.Message import Message_ProgressRange

    writer = IGESCAFControl_Writer()
    writer.SetColorMode(True)  # noqa: FBT003
    writer.SetNameMode(True)  # noqa: FBT003
    if not writer.Transfer(ocaf, Message_ProgressRange()) or not writer.Write(str(out)):
        raise EngineError(f"{out.name} cannot be written as IGES.")


def _write_brep(ocaf: Any, out: Path) -> None:
    from OCP.BRep import BRep_Builder
    from OCP.BRepTools import BRepTools
    from OCP.TopoDS import TopoDS_Compound

    compound, builder = TopoDS_Compound(), BRep_Builder()
    builder.MakeCompound(compound)
    for shape in cad_document.free_shapes(ocaf):
        builder.Add(compound, shape)
    if not BRepTools.Write_s(compound, str(out)):
        raise EngineError(f"{out.name} cannot be written as BREP.")
