"""From a `Scene` to files: which writer makes them, and what they cannot hold."""

from pathlib import Path

from pixyz_scheduler.engine.base import Conversion
from pixyz_scheduler.engine.open import gltf
from pixyz_scheduler.engine.open.formats import FORMATS
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import UnsupportedFormat


def check_target(out: Path) -> None:
    """Refuse a format that cannot be written."""
    file_format = out.suffix[1:].lower()
    if file_format not in FORMATS or FORMATS[file_format].writer is None:
        raise UnsupportedFormat(f"{out.name}: .{file_format} cannot be written.")


def write(scene: Scene, out: Path) -> Conversion:
    """Write the files."""
    check_target(out)
    if out.suffix[1:].lower() == "glb":
        out.write_bytes(scene.to_glb())
        files: tuple[str, ...] = (out.name,)
    else:
        files = gltf.unpack(scene.to_glb(), out)
    return Conversion(
        output=out.name,
        files=files,
        size=sum((out.parent / name).stat().st_size for name in files),
        part_count=sum(1 for _ in scene.parts()),
        polygon_count=scene.triangle_count,
        engine="open",
        warnings=scene.warnings,
    )
