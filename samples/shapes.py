"""Parts of machines as exact solids, in millimetres: gears, shafts, bearings, bolts, housings."""

import math

from OCP.BRepAlgoAPI import BRepAlgoAPI_Cut, BRepAlgoAPI_Fuse
from OCP.BRepBuilderAPI import BRepBuilderAPI_MakeFace, BRepBuilderAPI_MakePolygon, BRepBuilderAPI_Transform
from OCP.BRepPrimAPI import BRepPrimAPI_MakeBox, BRepPrimAPI_MakeCylinder, BRepPrimAPI_MakePrism, BRepPrimAPI_MakeRevol
from OCP.gp import gp_Ax1, gp_Ax2, gp_Dir, gp_Pnt, gp_Trsf, gp_Vec
from OCP.TopoDS import TopoDS_Shape

Point = tuple[float, float]

X = gp_Dir(1, 0, 0)
Y = gp_Dir(0, 1, 0)
Z = gp_Dir(0, 0, 1)
PRESSURE_ANGLE = math.radians(20)


def block(low: tuple[float, float, float], high: tuple[float, float, float]) -> TopoDS_Shape:
    """A box from corner to corner."""
    return BRepPrimAPI_MakeBox(gp_Pnt(*low), gp_Pnt(*high)).Shape()


def rod(foot: tuple[float, float, float], radius: float, length: float, along: gp_Dir = Z) -> TopoDS_Shape:
    """A cylinder from the middle of its foot."""
    return BRepPrimAPI_MakeCylinder(gp_Ax2(gp_Pnt(*foot), along), radius, length).Shape()


def cut(body: TopoDS_Shape, *tools: TopoDS_Shape) -> TopoDS_Shape:
    """Take tools away from a body."""
    for tool in tools:
        body = BRepAlgoAPI_Cut(body, tool).Shape()
    return body


def joined(body: TopoDS_Shape, *others: TopoDS_Shape) -> TopoDS_Shape:
    """Make one body of several."""
    for other in others:
        body = BRepAlgoAPI_Fuse(body, other).Shape()
    return body


def prism(outline: list[Point], height: float) -> TopoDS_Shape:
    """A closed outline in the XY plane, drawn out along Z."""
    polygon = BRepBuilderAPI_MakePolygon()
    for x, y in outline:
        polygon.Add(gp_Pnt(x, y, 0))
    polygon.Close()
    return BRepPrimAPI_MakePrism(BRepBuilderAPI_MakeFace(polygon.Wire()).Face(), gp_Vec(0, 0, height)).Shape()


def turned(outline: list[Point]) -> TopoDS_Shape:
    """A closed outline of (radius, height), turned round Z."""
    polygon = BRepBuilderAPI_MakePolygon()
    for radius, height in outline:
        polygon.Add(gp_Pnt(radius, 0, height))
    polygon.Close()
    face = BRepBuilderAPI_MakeFace(polygon.Wire()).Face()
    return BRepPrimAPI_MakeRevol(face, gp_Ax1(gp_Pnt(0, 0, 0), Z)).Shape()


def laid_along_y(shape: TopoDS_Shape) -> TopoDS_Shape:
    """Turn a part whose axis is Z so that its axis is Y."""
    turn = gp_Trsf()
    turn.SetRotation(gp_Ax1(gp_Pnt(0, 0, 0), X), -math.pi / 2)
    return BRepBuilderAPI_Transform(shape, turn, True).Shape()  # noqa: FBT003 (OCP knows no keywords)


def gear(*, teeth: int, module: float, width: float, bore: float) -> TopoDS_Shape:
    """A spur gear with straight flanks at 20 degrees, round Z; its first tooth lies along X."""
    pitch = module * teeth / 2
    outline: list[Point] = []
    for tooth in range(teeth):
        middle = 2 * math.pi * tooth / teeth
        quarter = math.pi * module / 4
        for side, rise in ((-1, -1.15), (-1, 1.0), (1, 1.0), (1, -1.15)):
            radius = pitch + rise * module
            half = (quarter * 0.96 - rise * module * math.tan(PRESSURE_ANGLE)) / radius
            angle = middle + side * half
            outline.append((radius * math.cos(angle), radius * math.sin(angle)))
    body = cut(prism(outline, width), rod((0, 0, 0), bore, width))
    rim, hub = pitch - 3.2 * module, bore * 1.6
    if rim - hub < 3 * module:
        return body
    web = [(hub, 0.0), (rim, 0.0), (rim, width * 0.3), (hub, width * 0.3)]
    upper = [(radius, height + width * 0.7) for radius, height in web]
    body = cut(body, turned(web), turned(upper))
    middle, hole = (rim + hub) / 2, (rim - hub) * 0.32
    angles = [math.pi / 3 * index for index in range(6)]
    return cut(body, *(rod((middle * math.cos(a), middle * math.sin(a), 0), hole, width) for a in angles))


def shaft(steps: list[tuple[float, float, float]], *, chamfer: float = 1.0) -> TopoDS_Shape:
    """A turned shaft round Z, of steps (radius, from, to) in order, its two ends chamfered."""
    outline: list[Point] = [(0.0, steps[0][1])]
    for radius, low, high in steps:
        outline += [(radius, low), (radius, high)]
    outline.append((0.0, steps[-1][2]))
    first, last = steps[0], steps[-1]
    outline[1:2] = [(first[0] - chamfer, first[1]), (first[0], first[1] + chamfer)]
    outline[-2:-1] = [(last[0], last[2] - chamfer), (last[0] - chamfer, last[2])]
    return turned(outline)


def bearing(*, bore: float, outside: float, width: float) -> TopoDS_Shape:
    """A sealed ball bearing round Z, as one ring with its seals set back."""
    depth, wall = width * 0.1, (outside - bore) * 0.24
    groove = [(bore + wall, -1.0), (outside - wall, -1.0), (outside - wall, depth), (bore + wall, depth)]
    upper = [(radius, width - height) for radius, height in groove]
    ring = turned([(bore, 0.0), (outside, 0.0), (outside, width), (bore, width)])
    return cut(ring, turned(groove), turned(upper))


def bolt(*, size: float, length: float) -> TopoDS_Shape:
    """A hexagon bolt, its head on the XY plane, its shank down along -Z."""
    corner = size * 1.5 / math.sqrt(3) * 1.02
    points = [(corner * math.cos(math.pi / 3 * i), corner * math.sin(math.pi / 3 * i)) for i in range(6)]
    tip = size / 2 - size * 0.1
    shank = turned([(0, 0), (size / 2, 0), (size / 2, -length + size * 0.1), (tip, -length), (0, -length)])
    return joined(prism(points, size * 0.65), shank)


def bracket(*, length: float, width: float, thickness: float) -> TopoDS_Shape:
    """An angle with a hole in each leg."""
    angle = joined(
        block((0, 0, 0), (length, width, thickness)),
        block((0, 0, 0), (thickness, width, length * 0.7)),
    )
    hole = min(length, width) * 0.16
    return cut(
        angle,
        rod((length * 0.65, width / 2, -1), hole, thickness + 2),
        rod((-1, width / 2, length * 0.45), hole, thickness + 2, X),
    )


def box_with_hole() -> TopoDS_Shape:
    """10 x 20 x 30 mm, from the origin, with a hole of 6 mm through it along Z."""
    return cut(block((0, 0, 0), (10, 20, 30)), rod((5, 10, -1), 3, 32))
