"""A stand-in for the Pixyz SDK: notes each call, can refuse a licence, and writes something where it exports."""

import os
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

calls: list[tuple] = []


def _note(name, result=None):
    def called(*arguments):
        calls.append((name, *arguments))
        return result(*arguments) if callable(result) else result

    return called


def _licensed():
    kind = os.environ.get("PXZ_STUB_LICENCE", "node")
    configured = any(call[0] == "core.configureLicenseServer" for call in calls)
    return kind == "node" or (kind == "server" and configured)


def _import(path):
    if Path(path).read_bytes().startswith(b"bad"):
        raise RuntimeError("cannot parse")
    return 1


def _point(x, y, z):
    return SimpleNamespace(x=x, y=y, z=z)


initialize = _note("initialize")
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
