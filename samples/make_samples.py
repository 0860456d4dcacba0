#!/usr/bin/env python3
"""Makes the models of this folder; `--parts 500 --out load.step` makes a load case of any size instead."""

import argparse
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from assembly import Assembly, Part
from gearbox import gearbox
from OCP.TopoDS import TopoDS_Shape
from shapes import bearing, bolt, box_with_hole, bracket, gear, shaft

from pixyz_scheduler.engine.open.engine import OpenEngine

HERE = Path(__file__).parent
COLOURS = (
    (0.80, 0.16, 0.13, 1.0),
    (0.20, 0.42, 0.72, 1.0),
    (0.72, 0.74, 0.77, 1.0),
    (0.95, 0.75, 0.25, 1.0),
    (0.25, 0.55, 0.30, 1.0),
    (0.23, 0.24, 0.26, 1.0),
)
DISTINCT = 60
PER_MODULE = 25
SPACING = 90.0


def box() -> Assembly:
    """The smallest CAD file: one part of known size."""
    whole = Assembly("Box")
    whole.add(Part("Box with hole", box_with_hole(), (0.85, 0.45, 0.15, 1.0)))
    return whole


def load_case(parts: int) -> Assembly:
    """Build `parts` parts of up to 60 different shapes, in modules of 25 on a grid."""
    kinds = list(islice(_distinct(), parts))
    whole = Assembly("Load case")
    side = math.ceil(math.sqrt(math.ceil(parts / PER_MODULE)))
    for number in range(math.ceil(parts / PER_MODULE)):
        module = Assembly(f"Module {number + 1}")
        for place in range(min(PER_MODULE, parts - number * PER_MODULE)):
            index = number * PER_MODULE + place
            row, column = divmod(place, 5)
            module.add(
                kinds[index % len(kinds)],
                name=f"{kinds[index % len(kinds)].name} {index + 1}",
                at=(column * SPACING, row * SPACING, 0),
                turn=index * 0.7,
            )
        row, column = divmod(number, side)
        whole.add(module, at=(column * SPACING * 5.5, row * SPACING * 5.5, 0))
    return whole


def _distinct() -> Iterator[Part]:
    for index in range(DISTINCT):
        size, kind = divmod(index, 5)
        name, shape = _shape(kind, size)
        yield Part(f"{name} {size + 1}", shape, COLOURS[index % len(COLOURS)])


def _shape(kind: int, size: int) -> tuple[str, TopoDS_Shape]:
    match kind:
        case 0:
            return "Gear", gear(teeth=14 + 2 * size, module=1.5, width=8 + size, bore=4)
        case 1:
            return "Shaft", shaft([(6 + size, 0, 20), (9 + size, 20, 60), (5 + size, 60, 80 + 2 * size)])
        case 2:
            return "Bearing", bearing(bore=8 + size, outside=18 + 2 * size, width=7 + size / 2)
        case 3:
            return "Bolt", bolt(size=5 + size, length=20 + 3 * size)
        case _:
            return "Bracket", bracket(length=30 + 2 * size, width=18 + size, thickness=4 + size / 4)


def main() -> None:
    """Write the models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, metavar="N", help="make a load case of N parts instead of the models")
    parser.add_argument("--out", type=Path, help="where the load case goes; default load-N.step in this folder")
    options = parser.parse_args()
    if options.parts is not None:
        if options.parts < 1:
            parser.error("--parts must be at least 1")
        out = options.out or HERE / f"load-{options.parts}.step"
        load_case(options.parts).write(out)
        print(out)
        return
    gearbox().write(HERE / "gearbox.step")
    box().write(HERE / "box.step")
    engine = OpenEngine()
    engine.convert(HERE / "gearbox.step", HERE / "gearbox.glb")
    engine.convert(HERE / "box.step", HERE / "box.glb")
    engine.convert(HERE / "box.step", HERE / "box.stl")


if __name__ == "__main__":
    main()
