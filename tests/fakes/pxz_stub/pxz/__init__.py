"""A stand-in for the Pixyz SDK: notes each call, can refuse a licence, and writes something where it exports.

What it does is said by the environment:

    PXZ_STUB_LOG         a file to which each call is appended, with the process that made it
    PXZ_STUB_LICENCE     `node` (there is one), `server` (once one is configured), `none`, or a number: refused so often
                         first, counted in the file that PXZ_STUB_REFUSED names
    PXZ_STUB_INITIALIZE  `hang` (in C, with the interpreter's lock), or `crash` (SIGSEGV)
    PXZ_STUB_BROKEN      `licence`: asking for it raises
"""

import ctypes
import os
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

calls: list[tuple] = []


def _note(name, result=None):
    def called(*arguments):
        calls.append((name, *arguments))
        log = os.environ.get("PXZ_STUB_LOG")
        if log:
            with Path(log).open("a") as file:
                file.write(f"{os.getpid()} {name}\n")
        return result(*arguments) if callable(result) else result

    return called


def _initialize():
    match os.environ.get("PXZ_STUB_INITIALIZE"):
        case "hang":
            ctypes.PyDLL(None).pause()
        case "crash":
            ctypes.string_at(0)


def _licensed():
    if os.environ.get("PXZ_STUB_BROKEN") == "licence":
        raise RuntimeError("the licence service is broken")
    kind = os.environ.get("PXZ_STUB_LICENCE", "node")
    if kind.isdigit():
        return _was_refused_often(int(kind))
    configured = any(call[0] == "core.configureLicenseServer" for call in calls)
    return kind == "node" or (kind == "server" and configured)


def _was_refused_often(times):
    with Path(os.environ["PXZ_STUB_REFUSED"]).open("a+") as file:
        file.seek(0)
        refused = len(file.read())
        if refused < times:
            file.write("x")
    return refused >= times


def _import(path):
    if Path(path).read_bytes().startswith(b"bad"):
        raise RuntimeError("cannot parse")
    return 1


def _point(x, y, z):
    return SimpleNamespace(x=x, y=y, z=z)


initialize = _note("initialize", _initialize)
release = _note("release")
core = SimpleNamespace(
    checkLicense=_note("core.checkLicense", _licensed),
    configureLicenseServer=_note("core.configureLicenseServer"),
    resetSession=_note("core.resetSession"),
)
io = SimpleNamespace(
    importScene=_note("io.importScene", _import),
    exportScene=_note("io.exportScene", lambda path, _root: Path(path).write_bytes(b"exported")),
)
algo = SimpleNamespace(
    tessellateRelativelyToAABB=_note("algo.tessellateRelativelyToAABB"),
    repairCAD=_note("algo.repairCAD"),
    repairMesh=_note("algo.repairMesh"),
    decimateTarget=_note("algo.decimateTarget"),
)
material = SimpleNamespace(getAllMaterials=_note("material.getAllMaterials", [7, 8]))
scene = SimpleNamespace(
    ComponentType=Enum("ComponentType", "PMI Metadata"),
    getAABB=_note("scene.getAABB", SimpleNamespace(low=_point(0, 0, 0), high=_point(10, 20, 30))),
    getAnnotationGroups=_note("scene.getAnnotationGroups", [5]),
    getAnnotations=_note("scene.getAnnotations", [6, 7]),
    getBRepInfos=_note("scene.getBRepInfos", {"totalBodyCount": 3, "boundaryCount": 0}),
    getMetadatasDefinitions=_note("scene.getMetadatasDefinitions", [["a", "b"]]),
    getPartOccurrences=_note("scene.getPartOccurrences", [2, 3]),
    getPolygonCount=_note("scene.getPolygonCount", 1000),
    getTessellationInfos=_note(
        "scene.getTessellationInfos",
        SimpleNamespace(totalVertexCount=500, totalEdgeCount=1500, boundaryCount=0, nonManifoldEdgeCount=0),
    ),
    listAnimations=_note("scene.listAnimations", []),
    listComponent=_note("scene.listComponent", [4]),
    listVariants=_note("scene.listVariants", []),
)
