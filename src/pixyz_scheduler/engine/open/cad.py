"""CAD files as scenes: read, mended where asked, triangulated, and counted."""

import tempfile
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.base import ReadOptions
from pixyz_scheduler.engine.open import cad_document, cad_facts, glb, gltf_facts, gltf_look
from pixyz_scheduler.engine.open.cad_document import CadDocument
from pixyz_scheduler.engine.open.quiet import quiet
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.engine.open.tessellation import ANGLE, SAG
from pixyz_scheduler.errors import EmptyScene


def read(path: Path, file_format: str, options: ReadOptions, *, parallel: bool) -> Scene:
    """Open a STEP, IGES, BREP or FCStd file with OpenCASCADE."""
    with quiet():
        document = cad_document.read(path, file_format)
        if options.repair:
            document = _repaired(document)
        _triangulate(document, options, parallel=parallel)
        data = to_glb(document, path.name, parallel=parallel)
        content, binary = glb.split(data, path.name)
        facts = cad_facts.of(document, gltf_facts.of(content))
        gltf_look.complete(content)
    return Scene(path, file_format, document.frame, facts, glb=glb.join(content, binary), document=document)


def to_glb(document: CadDocument, name: str, *, parallel: bool) -> bytes:
    """The triangulated document as a GLB in metres with Y up."""
    from OCP.collections import IndexedDataMap_TCollection_AsciiString_TCollection_AsciiString
    from OCP.Message import Message_ProgressRange
    from OCP.RWGltf import RWGltf_CafWriter
    from OCP.RWMesh import RWMesh_CoordinateSystem
    from OCP.TCollection import TCollection_AsciiString

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scene.glb"
        writer = RWGltf_CafWriter(TCollection_AsciiString(str(out)), True)  # noqa: FBT003  (OpenCASCADE's signature)
        writer.SetMergeFaces(True)  # noqa: FBT003
        writer.SetParallel(parallel)
        converter = writer.ChangeCoordinateSystemConverter()
        # It writes metres by itself, but keeps Z up unless it is told what comes in.
        converter.SetInputCoordinateSystem(RWMesh_CoordinateSystem.RWMesh_CoordinateSystem_Zup)
        converter.SetInputLengthUnit(1e-3)
        properties = IndexedDataMap_TCollection_AsciiString_TCollection_AsciiString()
        if not writer.Perform(document.ocaf, properties, Message_ProgressRange()) or not out.exists():
            raise EmptyScene(f"{name} holds no surface that can be triangulated.")
        return out.read_bytes()


def _triangulate(document: CadDocument, options: ReadOptions, *, parallel: bool) -> None:
    from OCP.BRepMesh import BRepMesh_IncrementalMesh

    sag = SAG[options.quality].of(cad_facts.diagonal(document.shapes))
    for shape in document.shapes:
        BRepMesh_IncrementalMesh(shape, sag, False, ANGLE, parallel)  # noqa: FBT003


def _repaired(document: CadDocument) -> CadDocument:
    """Shapes mended in place, so that names and colours stay with them."""
    from OCP.collections import Sequence_TDF_Label
    from OCP.ShapeFix import ShapeFix_Shape
    from OCP.XCAFDoc import XCAFDoc_DocumentTool

    tool: Any = XCAFDoc_DocumentTool.ShapeTool_s(document.ocaf.Main())
    labels = Sequence_TDF_Label()
    tool.GetShapes(labels)
    for number in range(1, labels.Length() + 1):
        label = labels.Value(number)
        if not tool.IsSimpleShape_s(label) or tool.IsReference_s(label):
            continue
        fix = ShapeFix_Shape(tool.GetShape_s(label))
        fix.Perform()
        tool.SetShape(label, fix.Shape())
    tool.UpdateAssemblies()
    return CadDocument(document.ocaf, cad_document.free_shapes(document.ocaf), document.frame)
