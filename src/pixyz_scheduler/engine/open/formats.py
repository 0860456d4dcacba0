"""The table of formats: which library reads and writes each, and what each can hold."""

from dataclasses import dataclass
from enum import Enum

SDK_ONLY = {
    "3dxml": "CATIA",
    "asm": "Creo or Solid Edge",
    "catdrawing": "CATIA",
    "catpart": "CATIA",
    "catproduct": "CATIA",
    "catshape": "CATIA",
    "cgr": "CATIA",
    "iam": "Inventor",
    "ipt": "Inventor",
    "jt": "JT",
    "neu": "Creo",
    "par": "Solid Edge",
    "prt": "NX or Creo",
    "psm": "Solid Edge",
    "pxz": "Pixyz",
    "rvt": "Revit",
    "sab": "ACIS",
    "sat": "ACIS",
    "sldasm": "SolidWorks",
    "sldprt": "SolidWorks",
    "vda": "VDA-FS",
    "x_b": "Parasolid",
    "x_t": "Parasolid",
    "xas": "Creo",
    "xpr": "Creo",
}
"""Formats that no open library reads -> whose they are."""


class Keeps(Enum):
    """What a format can hold beyond triangles, in the words of the warnings."""

    TREE = "the assembly tree"
    NAMES = "part names"
    COLOURS = "colours"
    TEXTURES = "textures"
    ANIMATIONS = "animations"
    SKINS = "skins"
    VARIANTS = "material variants"
    EXACT = "exact CAD geometry"
    PMI = "PMI annotations"
    PROPERTIES = "user properties"


_SCENE = frozenset({Keeps.TREE, Keeps.NAMES, Keeps.COLOURS, Keeps.TEXTURES})


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        reader: module of this package that reads it, or None.
        writer: module that writes it, or None.
        keeps: what the written file holds.
        library: what `libraries.LIBRARIES` calls the library that is needed beyond trimesh.
    """

    reader: str | None
    writer: str | None = None
    keeps: frozenset[Keeps] = frozenset()
    library: str | None = None


_GLTF = Format("gltf", "gltf", _SCENE | {Keeps.ANIMATIONS, Keeps.SKINS, Keeps.VARIANTS, Keeps.PROPERTIES})
_USD = Format("usd", "usd", _SCENE, "pxr")
_STEP = Format(
    "cad", "cad", frozenset({Keeps.TREE, Keeps.NAMES, Keeps.COLOURS, Keeps.EXACT, Keeps.PMI, Keeps.PROPERTIES}), "OCP"
)
_IGES = Format("cad", "cad", frozenset({Keeps.NAMES, Keeps.COLOURS, Keeps.EXACT}), "OCP")
_BREP = Format("cad", "cad", frozenset({Keeps.EXACT}), "OCP")
_ASSIMP = Format("assimp", library="assimp")

_BY_ASSIMP = (
    "3ds", "ac", "ac3d", "amf", "ase", "ask", "b3d", "blend", "cob", "csm", "dxf", "enff", "hmp", "ifc", "ifczip",
    "iqm", "irr", "irrmesh", "lwo", "lws", "lxo", "md2", "md3", "md5mesh", "mdc", "mdl", "ms3d", "ndo", "nff", "ogex",
    "pmx", "q3o", "q3s", "scn", "ter", "vrm", "x", "x3d", "x3db", "xgl", "zae", "zgl",
)  # fmt: skip

FORMATS: dict[str, Format] = {
    "glb": _GLTF,
    "gltf": _GLTF,
    "obj": Format("mesh", "mesh", frozenset({Keeps.NAMES, Keeps.COLOURS, Keeps.TEXTURES})),
    "stl": Format("mesh", "mesh"),
    "ply": Format("mesh", "mesh", frozenset({Keeps.COLOURS})),
    "off": Format("mesh", "mesh"),
    "3mf": Format("threemf", "threemf", frozenset({Keeps.TREE, Keeps.NAMES, Keeps.COLOURS}), "lxml"),
    "fbx": Format("assimp", "assimp", _SCENE | {Keeps.ANIMATIONS, Keeps.SKINS}, "assimp"),
    "dae": Format("assimp", "assimp", _SCENE | {Keeps.ANIMATIONS, Keeps.SKINS}, "assimp"),
    "usd": _USD,
    "usda": _USD,
    "usdc": _USD,
    "usdz": _USD,
    "step": _STEP,
    "stp": _STEP,
    "p21": Format("cad", library="OCP"),
    "iges": _IGES,
    "igs": _IGES,
    "brep": _BREP,
    "brp": _BREP,
    "fcstd": Format("cad", library="OCP"),
    "zip": Format("archive"),
    **dict.fromkeys(_BY_ASSIMP, _ASSIMP),
}
