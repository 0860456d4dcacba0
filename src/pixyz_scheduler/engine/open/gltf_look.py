"""A material for what has none: glTF's own default is a metal, and a metal without surroundings is black."""

from typing import Any

from pixyz_scheduler.engine.open.looks import GREY

WHITE = (1.0, 1.0, 1.0, 1.0)


def complete(document: dict[str, Any]) -> None:
    """Change the document in place: grey for plain surfaces, white below colours at the vertices."""
    numbers: dict[bool, int] = {}
    for mesh in document.get("meshes", []):
        for primitive in mesh["primitives"]:
            if "material" not in primitive:
                primitive["material"] = _default(document, numbers, coloured="COLOR_0" in primitive["attributes"])


def _default(document: dict[str, Any], numbers: dict[bool, int], *, coloured: bool) -> int:
    if coloured not in numbers:
        materials = document.setdefault("materials", [])
        numbers[coloured] = len(materials)
        factor = list(WHITE if coloured else GREY)
        look = {"baseColorFactor": factor, "metallicFactor": 0.0, "roughnessFactor": 0.5}
        materials.append({"name": "vertex colours" if coloured else "default", "pbrMetallicRoughness": look})
    return numbers[coloured]
