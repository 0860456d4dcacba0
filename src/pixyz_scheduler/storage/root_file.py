"""Which file of an unpacked archive is the one to open."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from pixyz_scheduler.errors import InvalidConfig

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
_LISTED = 20


def is_model(name: str) -> bool:
    """Whether a file of this name is a 3D file. Creo numbers its files: `part.prt.7`."""
    return _rank(name) is not None


def find_root_file(names: Iterable[str], *, root_file: str | None) -> str | None:
    """The file to open, of relative names with forward slashes.

    That is `root_file`; else the only file; else the first 3D file by the order of MODEL_SUFFIXES, then the least
    deep, then by name; else None. What archivers add of their own (`__MACOSX`, names with a leading dot) never counts.

    Raises:
        InvalidConfig: there is no such `root_file`; names those there are.
    """
    there = sorted(name for name in names if not _is_noise(name))
    if root_file:
        return _named(root_file, there)
    if len(there) == 1:
        return there[0]
    models = [(rank, name.count("/"), name) for name in there if (rank := _rank(name)) is not None]
    return min(models)[2] if models else None


def _named(root_file: str, there: list[str]) -> str:
    wanted = PurePosixPath(root_file.replace("\\", "/")).as_posix()
    if wanted in there:
        return wanted
    listed = ", ".join(there[:_LISTED]) + (", ..." if len(there) > _LISTED else "")
    raise InvalidConfig(f"root_file {root_file!r} is not in the archive, which holds: {listed or 'nothing'}.")


def _is_noise(name: str) -> bool:
    steps = PurePosixPath(name).parts
    return any(step.startswith(".") or step == "__MACOSX" for step in steps) or steps[-1] in (
        "Thumbs.db",
        "desktop.ini",
    )


def _rank(name: str) -> int | None:
    path = PurePosixPath(name.lower())
    suffix = path.suffix
    if suffix[1:].isdigit():
        suffix = PurePosixPath(path.stem).suffix
        return _RANK.get(suffix) if suffix in (".prt", ".asm") else None
    return _RANK.get(suffix)
