"""A two-stage gear-box: three shafts, four gears, six bearings, a housing with a clear cover, eight bolts."""

import math

from assembly import Assembly, Part
from OCP.TopoDS import TopoDS_Shape
from shapes import (
    Y,
    bearing,
    block,
    bolt,
    cut,
    gear,
    joined,
    laid_along_y,
    rod,
    shaft,
    turned,
)

MODULE = 2.5
SMALL, LARGE = 17, 37
CENTRES = MODULE * (SMALL + LARGE) / 2
GEAR_WIDTH = 18.0
AXES = (0.0, CENTRES, 2 * CENTRES)
INSIDE = (-58.0, AXES[2] + 58.0)
HALF = 40.0
WALL = 8.0

CAST = (0.36, 0.45, 0.53, 1.0)
CLEAR = (0.62, 0.80, 0.95, 0.30)
RUBBER = (0.16, 0.16, 0.17, 1.0)
STEEL = (0.72, 0.74, 0.77, 1.0)
BRIGHT = (0.86, 0.87, 0.88, 1.0)
BRONZE = (0.85, 0.60, 0.24, 1.0)
BLUED = (0.20, 0.42, 0.72, 1.0)
BLACK = (0.23, 0.24, 0.26, 1.0)
RED = (0.80, 0.16, 0.13, 1.0)


def gearbox() -> Assembly:
    """Build the whole: axes along Y, the first at x = 0; the housing is split at z = 0."""
    whole = Assembly("GearBox")
    whole.add(_casing())
    whole.add(_shafts())
    whole.add(_fasteners())
    return whole


def _casing() -> Assembly:
    casing = Assembly("Casing")
    casing.add(Part("Housing", _housing(), CAST))
    casing.add(Part("Gasket", _gasket(), RUBBER), at=(0, 0, 0))
    casing.add(Part("Cover", _cover(), CLEAR), at=(0, 0, 1))
    glass = laid_along_y(turned([(0, 0), (11, 0), (11, 3), (8, 5), (0, 5)]))
    casing.add(Part("Sight glass", glass, (0.95, 0.75, 0.25, 1.0)), at=(CENTRES / 2, -HALF - WALL, -42), turn=math.pi)
    casing.add(
        Part("Drain plug", bolt(size=14, length=10), RED), at=(INSIDE[1] + WALL, 0, -48), turn=math.pi / 2, axis=Y
    )
    return casing


def _bores(depth: float = 2 * HALF) -> list[TopoDS_Shape]:
    return [rod((x, -depth, 0), 20, 2 * depth, Y) for x in AXES]


def _housing() -> TopoDS_Shape:
    low, high = INSIDE
    body = joined(
        block((low - WALL, -HALF - WALL, -66), (high + WALL, HALF + WALL, -1)),
        block((low - WALL - 14, -HALF - WALL - 14, -11), (high + WALL + 14, HALF + WALL + 14, -1)),
        block((low - WALL - 14, -HALF - WALL - 14, -74), (high + WALL + 14, HALF + WALL + 14, -64)),
    )
    for x in AXES:
        body = joined(body, cut(rod((x, -HALF - WALL - 4, 0), 28, 2 * (HALF + WALL + 4), Y), _above()))
    body = cut(body, block((low, -HALF, -58), (high, HALF, 1)), *_bores())
    feet = [(x, y) for x in (low - WALL - 6, high + WALL + 6) for y in (-HALF - WALL - 5, HALF + WALL + 5)]
    return cut(
        body, *(rod((x, y, -80), 4.5, 20) for x, y in feet), *(rod((x, y, -20), 4, 30) for x, y in _bolt_places())
    )


def _above() -> TopoDS_Shape:
    return block((-500, -500, -1), (500, 500, 500))


def _gasket() -> TopoDS_Shape:
    low, high = INSIDE
    sheet = block((low - WALL - 14, -HALF - WALL - 14, -1), (high + WALL + 14, HALF + WALL + 14, 1))
    return cut(
        sheet, block((low, -HALF, -2), (high, HALF, 2)), *_bores(), *(rod((x, y, -3), 4, 6) for x, y in _bolt_places())
    )


def _cover() -> TopoDS_Shape:
    low, high = INSIDE
    body = joined(
        block((low - WALL, -HALF - WALL, 0), (high + WALL, HALF + WALL, 58)),
        block((low - WALL - 14, -HALF - WALL - 14, 0), (high + WALL + 14, HALF + WALL + 14, 9)),
    )
    body = cut(body, block((low, -HALF, -1), (high, HALF, 52)))
    bores = [rod((x, -100, -1), 20, 200, Y) for x in AXES]
    return cut(body, *bores, *(rod((x, y, -3), 4, 20) for x, y in _bolt_places()))


def _bolt_places() -> list[tuple[float, float]]:
    low, high = INSIDE
    edge = HALF + WALL + 7
    xs = (low - WALL - 7, AXES[1] - 34, AXES[1] + 34, high + WALL + 7)
    return [(x, y) for x in xs for y in (-edge, edge)]


def _shafts() -> Assembly:
    """The first gear pair stands at the front, the second behind it; teeth of one fall between those of the other."""
    pinion = Part("Pinion 17", laid_along_y(gear(teeth=SMALL, module=MODULE, width=GEAR_WIDTH, bore=12)), BRONZE)
    wheel = Part(
        "Wheel 37",
        laid_along_y(gear(teeth=LARGE, module=MODULE, width=GEAR_WIDTH - 2, bore=12)),
        BLUED,
    )
    ring = Part("Bearing 20x40x12", laid_along_y(bearing(bore=10, outside=20, width=12)), BRIGHT)
    front, back = -30.0, 12.0
    key = Part("Key", block((-3, 0, 7), (3, 20, 13)), BLACK)
    shafts = Assembly("Shafts")
    for index, (name, low, high) in enumerate(
        (("Input shaft", -100.0, 52.0), ("Layshaft", -52.0, 52.0), ("Output shaft", -52.0, 100.0))
    ):
        group = Assembly(name)
        group.add(Part(f"{name} body", _shaft(low, high, keyed=index != 1), STEEL))
        if index != 1:
            group.add(key, at=(0, low + 4 if index == 0 else high - 24, 0))
        group.add(ring, name="Bearing front", at=(0, -HALF - WALL - 4, 0))
        group.add(ring, name="Bearing back", at=(0, HALF + WALL - 8, 0))
        if index < 2:  # noqa: PLR2004 (of three shafts, the first two drive)
            group.add(pinion, at=(0, front if index == 0 else back, 0))
        if index > 0:
            # both begin with a tooth along X; 37 is odd, so that the wheel has a gap where it faces the pinion's tooth
            group.add(wheel, at=(0, (front if index == 1 else back) + 1, 0))
        shafts.add(group, at=(AXES[index], 0, 0))
    return shafts


def _shaft(low: float, high: float, *, keyed: bool) -> TopoDS_Shape:
    steps = [(10.0, low, -HALF + 4), (12.0, -HALF + 4, HALF - 4), (10.0, HALF - 4, high)]
    body = laid_along_y(shaft(steps))
    if not keyed:
        return body
    start = low + 4 if -low > high else high - 24
    return cut(body, block((-3, start, 7), (3, start + 20, 20)))


def _fasteners() -> Assembly:
    fasteners = Assembly("Fasteners")
    screw = Part("Bolt M8x25", bolt(size=8, length=25), BLACK)
    for number, (x, y) in enumerate(_bolt_places(), start=1):
        fasteners.add(screw, name=f"Bolt {number}", at=(x, y, 10), turn=math.pi / 12 * number)
    return fasteners
