"""Which file of a job's input folder is the one to open."""

from pathlib import Path

from pixyz_scheduler.script.faults import PixyzFileNotFound, PixyzSecurityViolation

MODEL_SUFFIXES = frozenset(
    """
    .3dm .3ds .3dxml .3mf .ac .asc .asm .blend .brep .brp .bvh .catpart .catproduct .catshape .cgr .csb .dae .dgn .dwf
    .dwg .dxf .e57 .fbx .fcstd .glb .gltf .iam .ifc .ifczip .iges .igs .ipt .iv .jt .las .laz .lwo .model .neu .nwd .obj
    .off .par .pcd .pdf .pdq .ply .plmxml .prc .prt .psm .pts .ptx .pxz .rcp .rcs .rvt .sab .sat .session .skp .sldasm
    .sldprt .step .stl .stp .stpx .stpz .u3d .usd .usda .usdc .usdz .vda .vpb .vrml .wire .wrl .x .x3d .x_b .x_t .xas
    .xmt_bin .xmt_txt .xpr .zae
    """.split(),  # noqa: SIM905  (a table is read more easily than eighty quoted strings)
)
"""Suffixes of files that hold a 3D model, in small letters."""


def inside(folder: Path, name: str) -> Path:
    """The path of `name` in the folder.

    Raises:
        PixyzSecurityViolation: the name leaves the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PixyzSecurityViolation(f"{name!r} leaves the folder {folder}.")
    return path


def main_file(folder: Path, *, root_file: str | None, ignore: frozenset[Path] = frozenset()) -> Path | None:
    """The file to open: `root_file`, else the first (nearest to the top, then by name) with a 3D suffix, else None.

    Raises:
        PixyzFileNotFound: `root_file` is not there.
        PixyzSecurityViolation: `root_file` leaves the folder.
    """
    if root_file:
        named = inside(folder, root_file)
        if not named.is_file():
            raise PixyzFileNotFound(f"root_file {root_file!r} is not among the input files.")
        return named
    models = (
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in MODEL_SUFFIXES and path.is_file() and path not in ignore
    )
    return min(models, key=lambda path: (len(path.parts), str(path)), default=None)
