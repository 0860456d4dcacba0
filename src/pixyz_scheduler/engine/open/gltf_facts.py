"""What a glTF document says it holds beyond triangles."""

from typing import Any

from pixyz_scheduler.engine.open.scene import Facts


def of(document: dict[str, Any]) -> Facts:
    """Counts read from the JSON alone."""
    extras = [
        node["extras"] for node in document.get("nodes", []) if isinstance(node.get("extras"), dict) and node["extras"]
    ]
    extensions = document.get("extensions", {})
    primitives = [primitive for mesh in document.get("meshes", []) for primitive in mesh.get("primitives", [])]
    used = {primitive["material"] for primitive in primitives if "material" in primitive}
    return Facts(
        materials=len(used),
        textures=len(document.get("images", [])),
        animations=len(document.get("animations", [])),
        skins=len(document.get("skins", [])),
        morphs=sum(1 for primitive in primitives if primitive.get("targets")),
        variants=len(extensions.get("KHR_materials_variants", {}).get("variants", [])),
        cameras_and_lights=len(document.get("cameras", []))
        + len(extensions.get("KHR_lights_punctual", {}).get("lights", [])),
        metadata_components=len(extras),
        metadata_properties=sum(len(values) for values in extras),
    )
