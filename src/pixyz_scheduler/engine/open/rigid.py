"""A tree whose nodes only turn and move: OpenCASCADE's locations, and 3MF's readers, hold no scale, shear or mirror."""

from typing import Any

import numpy as np

from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Matrix, Scene


def rigid_tree(scene: Scene, above: Matrix) -> Any:
    """The scene under the matrix `above`, as a new trimesh scene: what is not rigid is baked into the points.

    The tree and the names stay; instances of one mesh stay instances where they are deformed alike.
    """
    trimesh = need("trimesh")
    graph = scene.tree.graph
    rigid = trimesh.Scene(base_frame=graph.base_frame)
    children = graph.transforms.children
    world: dict[Any, Matrix] = {graph.base_frame: above}
    turned: dict[Any, Matrix] = {graph.base_frame: np.eye(4)}
    meshes: dict[Any, str] = {}
    drawn = {part.name: part for part in scene.parts()}
    waiting = [graph.base_frame]
    while waiting:
        parent = waiting.pop()
        for child in children.get(parent, ()):
            matrix, _ = graph.get(child, parent)
            world[child] = world[parent] @ np.asarray(matrix, dtype=np.float64)
            turned[child] = _rotation(world[child])
            local = np.linalg.inv(turned[parent]) @ turned[child]
            part = drawn.get(str(child))
            if part is None:
                rigid.graph.update(frame_from=parent, frame_to=child, matrix=local)
            else:
                rest = np.linalg.inv(turned[child]) @ world[child]
                name = _baked(rigid, meshes, part.mesh_name, part.mesh, rest)
                rigid.graph.update(frame_from=parent, frame_to=child, matrix=local, geometry=name)
            waiting.append(child)
    return rigid


def _rotation(matrix: Matrix) -> Matrix:
    """The nearest rotation, with the matrix's own translation."""
    left, _, right = np.linalg.svd(matrix[:3, :3])
    turn = np.eye(4)
    turn[:3, :3] = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    turn[:3, 3] = matrix[:3, 3]
    return turn


def _baked(rigid: Any, meshes: dict[Any, str], mesh_name: str, mesh: Any, rest: Matrix) -> str:
    """The name, in the new tree, of the mesh under the matrix `rest`."""
    key = (mesh_name, tuple(np.round(rest.ravel(), 9)))
    if key not in meshes:
        name = mesh_name if mesh_name not in rigid.geometry else f"{mesh_name}_{len(rigid.geometry)}"
        copy = mesh.copy()
        if not np.allclose(rest, np.eye(4), atol=1e-12):
            copy.apply_transform(rest)  # turns the winding where it mirrors
        rigid.geometry[name] = copy
        meshes[key] = name
    return meshes[key]
