"""What must hold of triangles whoever read them: corners that are there, coordinates that are numbers."""

import numpy as np

from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import CorruptFile, EmptyScene


def check(scene: Scene) -> None:
    """Raise `CorruptFile` or `EmptyScene`."""
    seen = set()
    for part in scene.parts():
        if not np.isfinite(part.matrix).all():
            raise CorruptFile(f"{scene.path.name} is damaged: the place of {part.name!r} is no number.")
        if part.mesh_name in seen:
            continue
        seen.add(part.mesh_name)
        vertices, faces = np.asarray(part.mesh.vertices), np.asarray(part.mesh.faces)
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise CorruptFile(f"{scene.path.name} is damaged: {part.name!r} has corners that are not there.")
        if not np.isfinite(vertices).all():
            raise CorruptFile(f"{scene.path.name} is damaged: {part.name!r} has coordinates that are no numbers.")
    if not seen:
        raise EmptyScene(f"{scene.path.name} holds no triangles.")
