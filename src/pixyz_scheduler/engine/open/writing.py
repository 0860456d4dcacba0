"""From a `Scene` to files: which writer makes them, and what they cannot hold."""

from pathlib import Path

from pixyz_scheduler.engine.base import Conversion
from pixyz_scheduler.engine.open import assimp, gltf, losses, mesh_writer, obj_writer, threemf_writer
from pixyz_scheduler.engine.open.formats import FORMATS, SDK_ONLY
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import UnsupportedFormat


def check_target(out: Path) -> str:
    """The format that a file's name asks for; `UnsupportedFormat` where it cannot be written."""
    file_format = out.suffix[1:].lower()
    if file_format in SDK_ONLY:
        raise UnsupportedFormat(
            f"{out.name}: .{file_format} is a format of {SDK_ONLY[file_format]}; writing it needs the Pixyz SDK."
        )
    if file_format not in FORMATS or FORMATS[file_format].writer is None:
        known = ", ".join(sorted(name for name, each in FORMATS.items() if each.writer))
        raise UnsupportedFormat(f"{out.name}: .{file_format} cannot be written; these can: {known}.")
    return file_format


def write(scene: Scene, out: Path) -> Conversion:
    """Write `out`, and what belongs beside it; its folder is made where it is not there."""
    file_format = check_target(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    if FORMATS[file_format].writer == "assimp":
        files, warnings = assimp.write(scene, out)
    else:
        files, warnings = _write_files(scene, out, file_format), ()
    return Conversion(
        output=out.name,
        files=files,
        size=sum((out.parent / name).stat().st_size for name in files),
        part_count=sum(1 for _ in scene.parts()),
        polygon_count=scene.triangle_count,
        engine="open",
        warnings=(*scene.warnings, *warnings, *losses.of(scene, file_format)),
    )


def _write_files(scene: Scene, out: Path, file_format: str) -> tuple[str, ...]:
    writers = {
        "glb": _write_glb,
        "gltf": lambda scene, out: gltf.unpack(scene.to_glb(), out),
        "obj": obj_writer.write,
        "3mf": threemf_writer.write,
        **dict.fromkeys(("stl", "ply", "off"), mesh_writer.write),
        **dict.fromkeys(("usd", "usda", "usdc", "usdz"), _write_usd),
    }
    return writers.get(file_format, _write_cad)(scene, out)


def _write_glb(scene: Scene, out: Path) -> tuple[str, ...]:
    out.write_bytes(scene.to_glb())
    return (out.name,)


def _write_usd(scene: Scene, out: Path) -> tuple[str, ...]:
    from pixyz_scheduler.engine.open import usd_writer  # usd-core takes half a second to import

    return usd_writer.write(scene, out)


def _write_cad(scene: Scene, out: Path) -> tuple[str, ...]:
    from pixyz_scheduler.engine.open import cad_writer  # OpenCASCADE takes a second to import

    return cad_writer.write(scene, out)
