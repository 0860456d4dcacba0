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
    """Write `out`, in a folder that is there, and what belongs beside it."""
    file_format = check_target(out)
    files = _write_files(scene, out, file_format)
    return Conversion(
        output=out.name,
        files=files,
        size=sum((out.parent / name).stat().st_size for name in files),
        part_count=sum(1 for _ in scene.parts()),
        polygon_count=scene.triangle_count,
        engine="open",
        warnings=(*scene.warnings, *losses.of(scene, file_format)),
    )


def _write_files(scene: Scene, out: Path, file_format: str) -> tuple[str, ...]:
    match file_format:
        case "glb":
            out.write_bytes(scene.to_glb())
            return (out.name,)
        case "gltf":
            return gltf.unpack(scene.to_glb(), out)
        case "stl" | "ply" | "off":
            return mesh_writer.write(scene, out)
        case "obj":
            return obj_writer.write(scene, out)
        case "3mf":
            return threemf_writer.write(scene, out)
    if FORMATS[file_format].writer == "usd":
        from pixyz_scheduler.engine.open import usd_writer  # usd-core takes half a second to import

        return usd_writer.write(scene, out)
    if FORMATS[file_format].writer == "cad":
        from pixyz_scheduler.engine.open import cad_writer  # OpenCASCADE takes a second to import

        return cad_writer.write(scene, out)
    return assimp.write(scene, out)
