"""An assembly: a tree of named and coloured parts, written as STEP."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from OCP.gp import gp_Ax1, gp_Dir, gp_Pnt, gp_Trsf, gp_Vec
from OCP.Interface import Interface_Static
from OCP.Message import Message_ProgressRange
from OCP.Quantity import Quantity_Color, Quantity_ColorRGBA, Quantity_TypeOfColor
from OCP.STEPCAFControl import STEPCAFControl_Writer
from OCP.STEPControl import STEPControl_StepModelType
from OCP.TCollection import TCollection_ExtendedString
from OCP.TDataStd import TDataStd_Name
from OCP.TDF import TDF_Label
from OCP.TDocStd import TDocStd_Document
from OCP.TopLoc import TopLoc_Location
from OCP.TopoDS import TopoDS_Shape
from OCP.XCAFDoc import XCAFDoc_ColorTool, XCAFDoc_ColorType, XCAFDoc_DocumentTool, XCAFDoc_ShapeTool

from pixyz_scheduler.engine.open.quiet import quiet

Colour = tuple[float, float, float, float]
WRITTEN = "2025-01-01T00:00:00"


@dataclass(frozen=True)
class Part:
    """A solid with a name and a colour (sRGB and opacity, 0 to 1). Placed twice, it is one part with two instances."""

    name: str
    shape: TopoDS_Shape
    colour: Colour


@dataclass
class Assembly:
    """A named group of parts and of other assemblies, each in its place."""

    name: str
    children: list[tuple["Part | Assembly", str, TopLoc_Location]] = field(default_factory=list)

    def add(
        self,
        child: "Part | Assembly",
        *,
        name: str | None = None,
        at: tuple[float, float, float] = (0, 0, 0),
        turn: float = 0.0,
        axis: gp_Dir | None = None,
    ) -> None:
        """Place a child, turned by `turn` radians round `axis` (default Z), then moved to `at`."""
        rotation, move = gp_Trsf(), gp_Trsf()
        rotation.SetRotation(gp_Ax1(gp_Pnt(0, 0, 0), axis or gp_Dir(0, 0, 1)), turn)
        move.SetTranslation(gp_Vec(*at))
        self.children.append((child, name or child.name, TopLoc_Location(move * rotation)))

    def write(self, path: Path) -> None:
        """Write as STEP AP242, in millimetres, with a date that is always the same."""
        with quiet():
            self._write(path)
        text = path.read_text(encoding="ascii")
        path.write_text(re.sub(r"'\d{4}-\d\d-\d\dT[\d:]+'", f"'{WRITTEN}'", text, count=1), encoding="ascii")

    def _write(self, path: Path) -> None:
        document = TDocStd_Document(TCollection_ExtendedString("BinXCAF"))
        _Tree(document).root(self)
        writer = STEPCAFControl_Writer()
        writer.SetColorMode(True)  # noqa: FBT003 (OCP knows no keywords)
        writer.SetNameMode(True)  # noqa: FBT003 (likewise)
        Interface_Static.SetIVal_s("write.step.schema", 5)
        Interface_Static.SetIVal_s("write.surfacecurve.mode", 0)
        kind = STEPControl_StepModelType.STEPControl_AsIs
        # "" instead of None would write one file a part
        if not writer.Transfer(document, kind, None, Message_ProgressRange()):
            raise OSError(f"{path}: the assembly cannot be put into STEP")
        writer.Write(str(path))


class _Tree:
    """The labels of an OCAF document, one for each part and assembly however often it is placed."""

    def __init__(self, document: TDocStd_Document) -> None:
        self._shapes: XCAFDoc_ShapeTool = XCAFDoc_DocumentTool.ShapeTool_s(document.Main())
        self._colours: XCAFDoc_ColorTool = XCAFDoc_DocumentTool.ColorTool_s(document.Main())
        self._labels: dict[int, TDF_Label] = {}
        XCAFDoc_DocumentTool.SetLengthUnit_s(document, 0.001)

    def root(self, assembly: Assembly) -> None:
        self._label(assembly)
        self._shapes.UpdateAssemblies()

    def _label(self, item: Part | Assembly) -> TDF_Label:
        if id(item) not in self._labels:
            self._labels[id(item)] = self._part(item) if isinstance(item, Part) else self._assembly(item)
        return self._labels[id(item)]

    def _part(self, part: Part) -> TDF_Label:
        label = self._shapes.AddShape(part.shape, False)  # noqa: FBT003 (OCP knows no keywords)
        _name(label, part.name)
        red, green, blue, opacity = part.colour
        colour = Quantity_ColorRGBA(Quantity_Color(red, green, blue, Quantity_TypeOfColor.Quantity_TOC_sRGB), opacity)
        self._colours.SetColor(label, colour, XCAFDoc_ColorType.XCAFDoc_ColorSurf)
        return label

    def _assembly(self, assembly: Assembly) -> TDF_Label:
        label = self._shapes.NewShape()
        _name(label, assembly.name)
        for child, name, place in assembly.children:
            _name(self._shapes.AddComponent(label, self._label(child), place), name)
        return label


def _name(label: TDF_Label, name: str) -> None:
    TDataStd_Name.Set_s(label, TCollection_ExtendedString(name))
