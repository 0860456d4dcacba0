"""libassimp through ctypes: a file to GLB bytes, GLB bytes to a file. No more of its interface than that."""

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

# aiPostProcessSteps, of assimp's postprocess.h. Left out on purpose: JoinIdenticalVertices (the glTF exporter joins by
# itself; set here, it makes everything three times slower and bigger) and GlobalScale (it places nodes wrongly).
TRIANGULATE = 0x8
SMOOTH_NORMALS = 0x40
SORT_BY_TYPE = 0x8000
FIND_INVALID = 0x20000
EMBED_TEXTURES = 0x10000000
READ_STEPS = TRIANGULATE | SMOOTH_NORMALS | SORT_BY_TYPE | FIND_INVALID | EMBED_TEXTURES
NOTHING = "nothing in it can be drawn"
_POINTS_AND_LINES = 0x1 | 0x2


class _Blob(ctypes.Structure):
    """aiExportDataBlob."""


_Blob._fields_ = [
    ("size", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name_length", ctypes.c_uint32),
    ("name", ctypes.c_char * 1024),
    ("next", ctypes.POINTER(_Blob)),
]


class AssimpError(Exception):
    """What libassimp said."""


@cache
def load() -> ctypes.CDLL:
    """The library; `ImportError` where there is none. Loading it starts no thread and is safe before a fork."""
    wheels = [
        str(library)
        for folder in sys.path
        for pattern in ("libassimp.so*", "libassimp.*.dylib", "libassimp.dylib")
        for library in sorted(Path(folder, "cmeel.prefix", "lib").glob(pattern))
    ]
    for candidate in (*wheels, "libassimp.so.6", "libassimp.so.5", "libassimp.dylib"):
        try:
            library = ctypes.CDLL(candidate)
        except OSError:
            continue
        return _declared(library)
    raise ImportError("no libassimp")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "aiCreatePropertyStore": (pointer, []),
        "aiReleasePropertyStore": (None, [pointer]),
        "aiSetImportPropertyInteger": (None, [pointer, text, ctypes.c_int]),
        "aiImportFileExWithProperties": (pointer, [text, number, pointer, pointer]),
        "aiImportFileFromMemoryWithProperties": (pointer, [text, number, number, text, pointer]),
        "aiExportSceneToBlob": (ctypes.POINTER(_Blob), [pointer, text, number]),
        "aiReleaseExportBlob": (None, [ctypes.POINTER(_Blob)]),
        "aiExportScene": (ctypes.c_int, [pointer, text, text, number]),
        "aiGetErrorString": (text, []),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def to_glb(path: Path) -> bytes:
    """A file of any format that libassimp reads, as GLB."""
    library = load()
    properties = library.aiCreatePropertyStore()
    library.aiSetImportPropertyInteger(properties, b"PP_SBP_REMOVE", _POINTS_AND_LINES)
    library.aiSetImportPropertyInteger(properties, b"IMPORT_FBX_PRESERVE_PIVOTS", 0)
    library.aiSetImportPropertyInteger(properties, b"IMPORT_COLLADA_USE_COLLADA_NAMES", 1)
    scene = library.aiImportFileExWithProperties(os.fsencode(path), READ_STEPS, None, properties)
    library.aiReleasePropertyStore(properties)
    if not scene:
        raise AssimpError(_said(library))
    # The scene is never released: after an export aiReleaseImport frees some files' data twice, which ends the process.
    # What it holds goes with the child that this runs in.
    blob = library.aiExportSceneToBlob(scene, b"glb2", 0)
    if not blob:
        raise AssimpError(_said(library))
    data = ctypes.string_at(blob.contents.data, blob.contents.size)
    library.aiReleaseExportBlob(blob)
    return data


def from_glb(data: bytes, out: Path, writer: str) -> None:
    """Write a GLB by one of libassimp's exporters, named as `aiGetExportFormatDescription` does."""
    library = load()
    scene = library.aiImportFileFromMemoryWithProperties(data, len(data), TRIANGULATE, b"glb", None)
    if not scene:
        raise AssimpError(_said(library))
    if library.aiExportScene(scene, writer.encode(), os.fsencode(out), 0):
        raise AssimpError(_said(library))


def _said(library: ctypes.CDLL) -> str:
    return str(library.aiGetErrorString().decode(errors="replace")).strip(" .\n") or NOTHING
