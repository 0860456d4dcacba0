"""What a CAD document holds: bodies, faces, open boundaries, PMI, user properties."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pixyz_scheduler.engine.open.cad_document import CadDocument
from pixyz_scheduler.engine.open.loops import connected_groups
from pixyz_scheduler.engine.open.scene import Facts


def of(document: CadDocument, triangles: Facts) -> Facts:
    """The document's counts, added to those of its triangulated GLB."""
    components, properties = _properties(document.ocaf)
    annotated, annotations = _pmi(document.ocaf)
    return replace(
        triangles,
        brep_bodies=_bodies(document.shapes),
        brep_faces=_faces(document.shapes),
        brep_boundary=sum(_open_loops(shape) for shape in document.shapes),
        pmi_components=annotated,
        annotations=annotations,
        metadata_components=components,
        metadata_properties=properties,
    )


def diagonal(shapes: Iterable[Any]) -> float:
    """Length of the bounding box's diagonal in millimetres; 1 for shapes without extent."""
    from OCP.Bnd import Bnd_Box
    from OCP.BRepBndLib import BRepBndLib

    box = Bnd_Box()
    for shape in shapes:
        BRepBndLib.Add_s(shape, box, False)  # noqa: FBT003  (OpenCASCADE's signature)
    return 1.0 if box.IsVoid() else float(box.SquareExtent()) ** 0.5


def _count(shape: Any, kind: Any, avoid: Any) -> int:
    from OCP.TopExp import TopExp_Explorer

    explorer, count = TopExp_Explorer(shape, kind, avoid), 0
    while explorer.More():
        count += 1
        explorer.Next()
    return count


def _bodies(shapes: Iterable[Any]) -> int:
    from OCP.TopAbs import TopAbs_ShapeEnum as Kind

    return sum(
        _count(shape, Kind.TopAbs_SOLID, Kind.TopAbs_SHAPE)
        + _count(shape, Kind.TopAbs_SHELL, Kind.TopAbs_SOLID)
        + _count(shape, Kind.TopAbs_FACE, Kind.TopAbs_SHELL)
        for shape in shapes
    )


def _faces(shapes: Iterable[Any]) -> int:
    from OCP.TopAbs import TopAbs_ShapeEnum as Kind

    return sum(_count(shape, Kind.TopAbs_FACE, Kind.TopAbs_SHAPE) for shape in shapes)


def _open_loops(shape: Any) -> int:
    """Loops of edges that only one face uses, instances counted: 0 where all bodies are closed."""
    from OCP.BRep import BRep_Tool
    from OCP.collections import (
        IndexedDataMap_TopoDS_Shape_List_TopoDS_Shape_TopTools_ShapeMapHasher,
        IndexedMap_TopoDS_Shape_TopTools_ShapeMapHasher,
    )
    from OCP.TopAbs import TopAbs_ShapeEnum as Kind
    from OCP.TopExp import TopExp
    from OCP.TopoDS import TopoDS

    owners = IndexedDataMap_TopoDS_Shape_List_TopoDS_Shape_TopTools_ShapeMapHasher()
    TopExp.MapShapesAndAncestors_s(shape, Kind.TopAbs_EDGE, Kind.TopAbs_FACE, owners)
    vertices = IndexedMap_TopoDS_Shape_TopTools_ShapeMapHasher()
    edges = []
    for number in range(1, owners.Extent() + 1):
        edge = TopoDS.Edge(owners.FindKey(number))
        # The seam of a cylinder stands twice under its one face; the edge at a cone's tip has no length.
        if owners.FindFromIndex(number).Size() == 1 and not BRep_Tool.Degenerated_s(edge):
            ends = TopExp.FirstVertex_s(edge), TopExp.LastVertex_s(edge)
            edges.append(tuple(vertices.Add(vertex) for vertex in ends if not vertex.IsNull()))
    return connected_groups(edge for edge in edges if len(edge) == 2)  # noqa: PLR2004  (two ends)


def _labels(tool: Any, method: str) -> list[Any]:
    from OCP.collections import Sequence_TDF_Label

    labels = Sequence_TDF_Label()
    getattr(tool, method)(labels)
    return [labels.Value(number) for number in range(1, labels.Length() + 1)]


def _pmi(ocaf: Any) -> tuple[int, int]:
    """Parts that carry annotations, and annotations."""
    from OCP.collections import Sequence_TDF_Label
    from OCP.XCAFDoc import XCAFDoc_DimTolTool, XCAFDoc_DocumentTool

    tool = XCAFDoc_DocumentTool.DimTolTool_s(ocaf.Main())
    shapes = XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main())
    found = [
        label
        for method in ("GetDimensionLabels", "GetGeomToleranceLabels", "GetDatumLabels")
        for label in _labels(tool, method)
    ]
    owners = set()
    for label in found:
        first, second = Sequence_TDF_Label(), Sequence_TDF_Label()
        XCAFDoc_DimTolTool.GetRefShapeLabel_s(label, first, second)
        for number in range(1, first.Length() + 1):
            owners.add(_entry(_part(shapes, first.Value(number))))
    return len(owners), len(found)


def _part(shapes: Any, label: Any) -> Any:
    """The part that a face's or an edge's label belongs to."""
    while shapes.IsSubShape_s(label):
        label = label.Father()
    return label


def _entry(label: Any) -> str:
    from OCP.TCollection import TCollection_AsciiString
    from OCP.TDF import TDF_Tool

    text = TCollection_AsciiString()
    TDF_Tool.Entry_s(label, text)
    return str(text.ToCString())


def _properties(ocaf: Any) -> tuple[int, int]:
    """Components with user properties, and properties."""
    from OCP.TDataStd import TDataStd_NamedData
    from OCP.XCAFDoc import XCAFDoc_DocumentTool

    components = properties = 0
    for label in _labels(XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main()), "GetShapes"):
        if not label.IsAttribute(TDataStd_NamedData.GetID_s()):
            continue
        # FindAttribute cannot fill its out argument from Python; Set_s gives the attribute that is there.
        data = TDataStd_NamedData.Set_s(label)
        data.LoadDeferredData()
        count = 0
        for kind in ("String", "Real", "Integer", "Byte"):
            if getattr(data, f"Has{kind}s")():
                count += getattr(data, f"Get{kind}sContainer")().Size()
        components += bool(count)
        properties += count
    return components, properties
