"""3MF: each mesh once, the tree as components, a base material for each look; millimetres with Z up."""

import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from pixyz_scheduler.engine.open.looks import look_of, to_srgb
from pixyz_scheduler.engine.open.rigid import rigid_tree
from pixyz_scheduler.engine.open.scene import MILLIMETRES_Z_UP, Scene

_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Target="/3D/3dmodel.model" Id="rel0" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<model unit="millimeter" xml:lang="en-US" '
    'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>'
)
_MATERIALS = 1


def write(scene: Scene, out: Path) -> tuple[str, ...]:
    """Write the package; the name of the file."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as package:
        package.writestr("[Content_Types].xml", _CONTENT_TYPES)
        package.writestr("_rels/.rels", _RELATIONS)
        package.writestr("3D/3dmodel.model", _model(rigid_tree(scene, MILLIMETRES_Z_UP.from_scene)))
    return (out.name,)


def _model(tree: Any) -> str:
    materials: dict[Any, int] = {}
    texts, meshes = [], {}
    for number, (name, mesh) in enumerate(tree.geometry.items(), start=_MATERIALS + 1):
        look = look_of(mesh)
        material = materials.setdefault((look.name, to_srgb(look.colour)), len(materials))
        meshes[name] = number
        texts.append(_mesh(number, name, mesh, material))
    objects, items = _components(tree, meshes)
    bases = "".join(
        f"<base name={quoteattr(name or 'material')} displaycolor={quoteattr('#' + bytes(colour).hex().upper())}/>"
        for name, colour in materials
    )
    return (
        f'{_OPEN}<basematerials id="{_MATERIALS}">{bases}</basematerials>'
        f"{''.join(texts)}{''.join(objects)}</resources><build>{''.join(items)}</build></model>"
    )


def _mesh(number: int, name: str, mesh: Any, material: int) -> str:
    points = "".join(
        '<vertex x="%.9g" y="%.9g" z="%.9g"/>' % tuple(row)  # noqa: UP031  (twice as fast, and there are millions)
        for row in np.asarray(mesh.vertices).tolist()
    )
    # A triangle with two equal corners makes a 3MF file invalid.
    faces = np.asarray(mesh.faces)
    first, second, third = faces.T
    solid = faces[(first != second) & (second != third) & (first != third)]
    triangles = "".join('<triangle v1="%d" v2="%d" v3="%d"/>' % tuple(row) for row in solid.tolist())  # noqa: UP031
    return (
        f'<object id="{number}" type="model" name={quoteattr(name)} pid="{_MATERIALS}" pindex="{material}">'
        f"<mesh><vertices>{points}</vertices><triangles>{triangles}</triangles></mesh></object>"
    )


def _components(tree: Any, meshes: dict[str, int]) -> tuple[list[str], list[str]]:
    """An object for each node that holds others, children first as 3MF wants it; and what is built."""
    graph = tree.graph
    children = graph.transforms.children
    order, waiting = [], [graph.base_frame]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(children.get(node, ()))
    objects: list[str] = []
    numbers: dict[Any, int] = {}
    next_number = max(meshes.values(), default=_MATERIALS) + 1

    def placed(tag: str, child: Any, node: Any) -> str:
        matrix, _ = graph.get(child, node)
        values = " ".join(f"{value:.9g}" for value in np.asarray(matrix)[:3, :4].T.ravel())
        return f'<{tag} objectid="{numbers[child]}" transform="{values}"/>'

    for node in reversed(order[1:]):
        below = [child for child in children.get(node, ()) if child in numbers]
        mesh = graph[node][1]
        if not below and mesh is None:
            continue  # a node that shows nothing
        own = f'<component objectid="{meshes[mesh]}"/>' if mesh is not None else ""
        components = own + "".join(placed("component", child, node) for child in below)
        objects.append(
            f'<object id="{next_number}" type="model" name={quoteattr(str(node))}>'
            f"<components>{components}</components></object>"
        )
        numbers[node] = next_number
        next_number += 1
    items = [
        placed("item", child, graph.base_frame) for child in children.get(graph.base_frame, ()) if child in numbers
    ]
    return objects, items
