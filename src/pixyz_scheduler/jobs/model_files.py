"""Which files are 3D files, by their names."""

# In the order in which they are looked for: an assembly names its parts, so it comes before what it may be made of.
MODEL_SUFFIXES = (
    # assemblies and scenes of CAD systems
    *(
        ".catproduct",
        ".sldasm",
        ".iam",
        ".asm",
        ".jt",
        ".3dxml",
        ".fcstd",
        ".dwg",
        ".rvt",
        ".nwd",
        ".vpb",
        ".wire",
        ".pxz",
    ),
    # exchange of CAD
    *(".step", ".stp", ".stpz", ".iges", ".igs", ".ifc", ".x_t", ".x_b", ".xmt_txt", ".sat", ".sab", ".prc", ".vda"),
    # parts of CAD systems
    *(
        ".catpart",
        ".catshape",
        ".cgr",
        ".model",
        ".session",
        ".sldprt",
        ".ipt",
        ".par",
        ".prt",
        ".brep",
        ".brp",
        ".3dm",
    ),
    # scenes
    *(".gltf", ".glb", ".usdz", ".usd", ".usda", ".usdc", ".fbx", ".dae", ".3mf", ".skp", ".blend", ".x", ".3ds"),
    # meshes and clouds
    *(".obj", ".stl", ".ply", ".off", ".e57", ".pts", ".ptx", ".xyz", ".las", ".laz"),
)

_RANK = {suffix: rank for rank, suffix in enumerate(MODEL_SUFFIXES)}
_NUMBERED = frozenset({".prt", ".asm"})
"""Creo numbers its files: `part.prt.7`."""


def is_model(name: str) -> bool:
    """Whether a file of this name is a 3D file."""
    return rank_of(name) is not None


def rank_of(name: str) -> int | None:
    """The place of a 3D file's kind in MODEL_SUFFIXES; None for other files."""
    stem, suffix = _parted(name.lower().rpartition("/")[2])
    if not suffix[1:].isdigit():
        return _RANK.get(suffix)
    kind = _parted(stem)[1]
    return _RANK.get(kind) if kind in _NUMBERED else None


def _parted(name: str) -> tuple[str, str]:
    """A name before its suffix, and that; a leading dot begins none."""
    stem, dot, end = name.rpartition(".")
    return (stem, dot + end) if stem.strip(".") and end else (name, "")
