"""The libraries that the open engine stands on: imported when first needed, each absence told with its command."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

from pixyz_scheduler.engine.open import libassimp
from pixyz_scheduler.errors import EngineMissing

GL_COMMAND = "apt-get install libgl1 libx11-6 libexpat1"


@dataclass(frozen=True)
class Library:
    """One installable thing.

    Attributes:
        modules: what is imported; none for libassimp, which is no Python module.
        serves: what it costs to be without, in words.
        command: the line that installs it.
    """

    modules: tuple[str, ...]
    serves: str
    command: str


_ENGINE = 'pip install "pixyz-scheduler[open-engine]"'
_CAD = 'pip install "pixyz-scheduler[cad]"'
_USD = 'pip install "pixyz-scheduler[usd]"'

LIBRARIES = {
    "numpy": Library(("numpy",), "everything in 3D", _ENGINE),
    "trimesh": Library(("trimesh", "trimesh.exchange.gltf", "trimesh.exchange.obj"), "everything in 3D", _ENGINE),
    "PIL": Library(("PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin"), "textures and thumbnails", _ENGINE),
    "DracoPy": Library(("DracoPy",), "glTF with Draco compression", _ENGINE),
    "fast_simplification": Library(("fast_simplification",), "decimation", _ENGINE),
    "lxml": Library(("lxml.etree",), "3MF", _ENGINE),
    "networkx": Library(("networkx",), "3MF", _ENGINE),
    "scipy": Library(("scipy.sparse",), "quick mesh analysis", _ENGINE),
    "assimp": Library((), "FBX, DAE, 3DS, X, IFC and some fifty more", _ENGINE),
    "OCP": Library(
        (
            "OCP.TDocStd",
            "OCP.XCAFDoc",
            "OCP.STEPCAFControl",
            "OCP.IGESCAFControl",
            "OCP.RWGltf",
            "OCP.BRepMesh",
            "OCP.BRepTools",
            "OCP.collections",
        ),
        "exact CAD: STEP, IGES, BREP in and out, PMI and B-rep counts",
        _CAD,
    ),
    "cascadio": Library(("cascadio",), "STEP and IGES where OpenCASCADE cannot load", _CAD),
    "pxr": Library(("pxr.Usd", "pxr.UsdGeom", "pxr.UsdShade", "pxr.UsdUtils"), "USD, USDA, USDC, USDZ", _USD),
}


def need(name: str) -> ModuleType:
    """The library's module; `EngineMissing` with the installing command where it cannot be imported."""
    library = LIBRARIES[name]
    try:
        if name == "assimp":
            libassimp.load()
            return libassimp
        importlib.import_module(library.modules[0])
    except ImportError as error:
        raise EngineMissing(missing_line(name, error)) from error
    return sys.modules[name]


def missing_line(name: str, error: ImportError) -> str:
    """One line: what is missing, what it costs, and the command that installs it."""
    library = LIBRARIES[name]
    text = str(error)
    command = GL_COMMAND if "shared object" in text and name == "OCP" else library.command
    return f"{name} cannot be loaded ({text}): no {library.serves}. Install it with: {command}"


def load_all() -> tuple[str, ...]:
    """Import every library there is without using any; a line for each that is missing.

    For the template process: afterwards it is still safe to fork. OpenBLAS would start a thread at import, and a
    forked child of a process with threads is not safe: it is held to one while it loads.
    """
    missing = []
    with _one_blas_thread():
        for name, library in LIBRARIES.items():
            line = _missing(name, library.modules)
            if line:
                missing.append(line)
    return tuple(missing)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def find_missing() -> dict[str, str]:
    """Library -> the line that says how to install it, for those that cannot be imported here."""
    lines = {name: _missing(name) for name in LIBRARIES}
    return {name: line for name, line in lines.items() if line}


def _missing(name: str, modules: tuple[str, ...] = ()) -> str:
    """The line that says what is missing; empty if the library, and those of its modules, can be imported."""
    try:
        need(name)
        for module in modules:
            importlib.import_module(module)
    except EngineMissing as error:
        return str(error)
    except ImportError as error:
        return missing_line(name, error)
    return ""
