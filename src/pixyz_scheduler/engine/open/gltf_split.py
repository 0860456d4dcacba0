"""A glTF document made plain for trimesh: one primitive a mesh, and no name twice."""

from typing import Any

Document = dict[str, Any]


def plain(document: Document) -> None:
    """Change the document in place.

    trimesh tells primitives of one mesh, and nodes of one name, apart by random numbers: no two readings would agree.
    """
    _prefer_vertex_colours(document)
    _split_primitives(document)
    meshes = document.get("meshes", [])
    for node in document.get("nodes", []):
        if "mesh" in node and not node.get("name"):
            node["name"] = meshes[node["mesh"]].get("name") or "part"
    _name_apart(document.get("nodes", []), "node")
    _name_apart(meshes, "mesh")


def _prefer_vertex_colours(document: Document) -> None:
    """Trimesh keeps a material or colours at the vertices, not both: these go before a plain factor."""
    materials = document.get("materials", [])
    for mesh in document.get("meshes", []):
        for primitive in mesh["primitives"]:
            if "COLOR_0" in primitive.get("attributes", {}) and "material" in primitive:
                surface = materials[primitive["material"]].get("pbrMetallicRoughness", {})
                if "baseColorTexture" not in surface:
                    del primitive["material"]


def _split_primitives(document: Document) -> None:
    """A mesh of several primitives becomes several: the first in the node that shows it, the others below."""
    meshes, nodes = document.get("meshes", []), document.get("nodes", [])
    pieces: dict[int, list[int]] = {}
    for index in range(len(meshes)):
        primitives = meshes[index]["primitives"]
        pieces[index] = [index]
        for number, primitive in enumerate(primitives[1:], start=2):
            pieces[index].append(len(meshes))
            meshes.append({"name": f"{meshes[index].get('name') or 'mesh'}_{number}", "primitives": [primitive]})
        del primitives[1:]
    for node in list(nodes):
        if "mesh" not in node:
            continue
        for number, piece in enumerate(pieces[node["mesh"]][1:], start=2):
            node.setdefault("children", []).append(len(nodes))
            name = node.get("name") or meshes[node["mesh"]].get("name") or "part"
            nodes.append({"name": f"{name}_{number}", "mesh": piece})


def _name_apart(items: list[Document], kind: str) -> None:
    """Give each its own name; what shows a mesh keeps its own before others do."""
    taken: set[str] = set()
    for item in sorted(items, key=lambda item: "mesh" not in item):
        wanted = str(item.get("name") or kind)
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        item["name"] = name
