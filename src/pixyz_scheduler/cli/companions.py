"""Formats whose files come in company."""

WITH_COMPANIONS = frozenset({"obj", "gltf", "dae", "usda", "fbx"})
"""By extension: their files name others that belong to them, materials, buffers, textures."""
