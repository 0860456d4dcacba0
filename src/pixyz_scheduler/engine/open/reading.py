"""From a path to a `Scene`: which reader takes it, and what is said of a file that none can take."""

import tempfile
from dataclasses import replace
from pathlib import Path

from pixyz_scheduler.engine.base import ReadOptions
from pixyz_scheduler.engine.open import archive, assimp, cad_document, gltf, mesh, mesh_repair, scene_check, threemf
from pixyz_scheduler.engine.open.formats import FORMATS, SDK_ONLY
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.errors import CorruptFile, EngineMissing, UnsupportedFormat


def read(path: Path, options: ReadOptions, *, parallel: bool) -> Scene:
    """Open a file by its extension."""
    file_format = path.suffix[1:].lower()
    _check_format(path, file_format)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there.")
    if not path.stat().st_size:
        raise CorruptFile(f"{path.name} is empty.")
    if file_format == "zip":
        return _read_archive(path, options, parallel=parallel)
    scene = _read_plain(path, file_format, options, parallel=parallel)
    scene_check.check(scene)
    # A CAD file's own shapes were mended before they became triangles.
    return mesh_repair.repair(scene) if options.repair and scene.document is None else scene


def _check_format(path: Path, file_format: str) -> None:
    if file_format in SDK_ONLY:
        raise UnsupportedFormat(
            f"{path.name}: .{file_format} is a format of {SDK_ONLY[file_format]}; reading it needs the Pixyz SDK."
        )
    if file_format not in FORMATS:
        raise UnsupportedFormat(
            f"{path.name}: .{file_format} is not a 3D format that can be read."
            if file_format
            else f"{path.name} has no extension, which names its format."
        )


def _read_archive(path: Path, options: ReadOptions, *, parallel: bool) -> Scene:
    with tempfile.TemporaryDirectory() as folder:
        archive.unpack(path, Path(folder), archive.Limits())
        main = archive.main_file(Path(folder), path.name, options.root_file)
        return read(main, replace(options, root_file=None), parallel=parallel)


def _read_plain(path: Path, file_format: str, options: ReadOptions, *, parallel: bool) -> Scene:
    reader = FORMATS[file_format].reader
    if reader == "cad":
        return _read_cad(path, file_format, options, parallel=parallel)
    if reader == "gltf" and gltf.is_first_version(path, file_format):
        return assimp.read(path, file_format)
    readers = {
        "gltf": gltf.read,
        "mesh": mesh.read,
        "threemf": threemf.read,
        "assimp": assimp.read,
        "usd": _read_usd,
    }
    return readers[str(reader)](path, file_format)


def _read_cad(path: Path, file_format: str, options: ReadOptions, *, parallel: bool) -> Scene:
    from pixyz_scheduler.engine.open import cad, cascade  # OpenCASCADE takes a second to import

    try:
        need("OCP")
    except EngineMissing:
        if file_format not in cad_document.STEP | cad_document.IGES:
            raise
        return cascade.read(path, file_format, options, parallel=parallel)
    return cad.read(path, file_format, options, parallel=parallel)


def _read_usd(path: Path, file_format: str) -> Scene:
    from pixyz_scheduler.engine.open import usd  # usd-core takes half a second to import

    return usd.read(path, file_format)
