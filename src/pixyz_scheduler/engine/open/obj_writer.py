"""OBJ with MTL and textures: a group for each part, a material for each look; metres with Y up."""

from pathlib import Path
from typing import IO, Any

import numpy as np

from pixyz_scheduler.engine.open.looks import Look, look_of
from pixyz_scheduler.engine.open.scene import Part, Scene

_LINES = 100_000


def write(scene: Scene, out: Path) -> tuple[str, ...]:
    """Write the OBJ, its MTL and its textures, all named after `out`; the files' names."""
    looks: dict[Any, tuple[str, Look]] = {}
    with out.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# Pixyz Scheduler, metres, Y up\nmtllib {out.stem}.mtl\n")
        start = [1, 1, 1]
        for part in scene.parts():
            look = look_of(part.mesh)
            if look.key not in looks:
                taken = {name for name, _ in looks.values()}
                looks[look.key] = (_unique(_word(look.name) or "material", taken), look)
            _write_part(file, part, looks[look.key][0], start)
    textures = _write_materials(out, looks)
    return (out.name, f"{out.stem}.mtl", *textures)


def _write_part(file: IO[str], part: Part, material: str, start: list[int]) -> None:
    """One part; `start` counts on: the next number of a point, a texture coordinate, a normal."""
    matrix = part.matrix
    points = np.asarray(part.mesh.vertices) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = np.asarray(part.mesh.faces)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    file.write(f"o {_word(part.name)}\n")
    _rows(file, "v %.9g %.9g %.9g", points)
    coordinates = getattr(part.mesh.visual, "uv", None)
    columns, line = [faces + start[0]], "%d"
    if coordinates is not None:
        _rows(file, "vt %.7g %.7g", coordinates[:, :2])
        columns.append(faces + start[1])
        line = "%d/%d"
    if "vertex_normals" in part.mesh._cache:  # noqa: SLF001  (only normals that the file gave, none made up)
        normals = np.asarray(part.mesh.vertex_normals) @ np.linalg.pinv(matrix[:3, :3])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        _rows(file, "vn %.5g %.5g %.5g", normals)
        columns.append(faces + start[2])
        line += "/%d" if coordinates is not None else "//%d"
        start[2] += len(points)
    file.write(f"usemtl {material}\n")
    _rows(file, f"f {line} {line} {line}", np.stack(columns, axis=2).reshape(len(faces), -1))
    start[0] += len(points)
    start[1] += len(points) if coordinates is not None else 0


def _rows(file: IO[str], line: str, values: Any) -> None:
    for start in range(0, len(values), _LINES):
        file.write("".join(f"{line % tuple(row)}\n" for row in np.asarray(values[start : start + _LINES]).tolist()))


def _write_materials(out: Path, looks: dict[Any, tuple[str, Look]]) -> list[str]:
    textures: list[str] = []
    lines = ["# Pixyz Scheduler"]
    for name, look in looks.values():
        red, green, blue, alpha = look.colour
        lines += [f"newmtl {name}", f"Kd {red:.6g} {green:.6g} {blue:.6g}", f"d {alpha:.6g}", "illum 2"]
        if look.image is not None:
            texture = f"{out.stem}_{len(textures)}.png"
            look.image.save(out.parent / texture)
            textures.append(texture)
            lines.append(f"map_Kd {texture}")
    (out.parent / f"{out.stem}.mtl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return textures


def _word(name: str) -> str:
    """OBJ ends a name at white space."""
    return "_".join(name.split())


def _unique(name: str, taken: set[str]) -> str:
    plain, number = name, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    return name
