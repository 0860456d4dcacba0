"""The open engine: trimesh, assimp, OpenCASCADE and usd-core behind one protocol."""
