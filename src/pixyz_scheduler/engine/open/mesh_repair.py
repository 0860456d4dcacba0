"""Triangles without area, and triangles that stand twice, taken out of meshes."""

from typing import Any

import numpy as np

from pixyz_scheduler.engine.open.scene import Scene


def repair(scene: Scene) -> Scene:
    """The scene without them; the very same scene, animations and all, where there are none."""
    kept = {name: _sound(mesh) for name, mesh in _meshes(scene).items()}
    dropped = sum(int((~sound).sum()) for sound in kept.values())
    if not dropped:
        return scene
    tree = scene.tree.copy()
    for name, sound in kept.items():
        mesh = tree.geometry[name]
        mesh.update_faces(sound)
        mesh.remove_unreferenced_vertices()
    return scene.edited(tree, warnings=(f"repaired: {dropped} triangles without area, or doubled, taken out",))


def _meshes(scene: Scene) -> dict[str, Any]:
    return {part.mesh_name: part.mesh for part in scene.parts()}


def _sound(mesh: Any) -> Any:
    """Which triangles stay."""
    points, welded = np.unique(np.asarray(mesh.vertices), axis=0, return_inverse=True)
    corners = welded.ravel()[np.asarray(mesh.faces)]
    first, second, third = (points[corners[:, number]] for number in range(3))
    area = np.linalg.norm(np.cross(second - first, third - first), axis=1)
    _, alone = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    sound = np.zeros(len(corners), dtype=bool)
    sound[alone] = True
    return sound & (area > 0)
