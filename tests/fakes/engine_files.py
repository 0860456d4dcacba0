"""Files for the tests of the engine: real samples, and small ones of which every figure is known."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

REPOSITORY = Path(__file__).parents[2]
NEEDS = {"step": "OCP", "iges": "OCP", "brep": "OCP", "usdz": "pxr", "usda": "pxr", "usdc": "pxr"}
"""Formats that are written by a library which not every Python and machine has."""
RED, BLUE = (0.8, 0.05, 0.05, 1.0), (0.05, 0.1, 0.7, 1.0)


def sample(name):
    """The path of a sample; a skip where there are none (a failure where PIXYZ_TEST_SAMPLES says there are)."""
    stated = os.environ.get("PIXYZ_TEST_SAMPLES")
    folders = [stated] if stated else [REPOSITORY.parent / "shared/samples", REPOSITORY.parents[1] / "shared/samples"]
    for folder in folders:
        if Path(folder, name).is_file():
            return Path(folder, name)
    if stated:
        pytest.fail(f"PIXYZ_TEST_SAMPLES is {stated}, and {name} is not there")
    return pytest.skip(f"no sample {name}: set PIXYZ_TEST_SAMPLES to the folder that holds it")


def skip_where_not_written(target):
    """A skip, with its reason, where the library that writes this format cannot be loaded."""
    if target in NEEDS:
        pytest.importorskip(NEEDS[target], reason=f"{target} needs {NEEDS[target]}", exc_type=ImportError)


def skip_without_opencascade():
    """A skip where STEP is read by cascadio, which tells less and cuts other triangles."""
    pytest.importorskip("OCP", reason="OpenCASCADE cannot be loaded", exc_type=ImportError)


def box_mesh(colour=None, name=None):
    """A box of 10 x 20 x 30 thousandths: in metres, what a CAD file calls 10 x 20 x 30 mm."""
    mesh = trimesh.creation.box(extents=(0.01, 0.02, 0.03))
    if colour:
        material = trimesh.visual.material.PBRMaterial(
            name=name, baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=0.5
        )
        mesh.visual = trimesh.visual.TextureVisuals(material=material)
    return mesh


def assembly_tree():
    """A machine in metres with Y up: a lid twice, one of them mirrored, and a base that its node stretches."""
    tree = trimesh.Scene()
    graph = tree.graph
    graph.update(frame_to="Machine", frame_from=graph.base_frame, matrix=np.eye(4))
    graph.update(frame_to="Upper", frame_from="Machine", matrix=trimesh.transformations.translation_matrix((0, 1, 0)))
    tree.geometry["lid mesh"] = box_mesh(RED, "red paint")
    tree.geometry["base mesh"] = box_mesh(BLUE, "blue paint")
    graph.update(frame_to="Lid left", frame_from="Upper", matrix=np.eye(4), geometry="lid mesh")
    mirrored = np.diag([-1.0, 1, 1, 1])
    mirrored[0, 3] = 0.5
    graph.update(frame_to="Lid right", frame_from="Upper", matrix=mirrored, geometry="lid mesh")
    graph.update(frame_to="Base", frame_from="Machine", matrix=np.diag([20.0, 1, 2, 1]), geometry="base mesh")
    return tree


ASSEMBLY_SIZE = (0.605, 1.02, 0.06)
"""Of `assembly_tree`, in metres: x from -0.1 to 0.505, y from -0.01 to 1.01, z from -0.03 to 0.03."""


def write_assembly_glb(path):
    path.write_bytes(assembly_tree().export(file_type="glb"))
    return path


def write_box_step(path, *, size=(10, 20, 30), unit="MM"):
    """One named, red box of that many millimetres as STEP, its numbers in the unit given."""
    skip_without_opencascade()
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeBox
    from OCP.Interface import Interface_Static
    from OCP.Quantity import Quantity_Color, Quantity_TypeOfColor
    from OCP.STEPCAFControl import STEPCAFControl_Writer
    from OCP.STEPControl import STEPControl_StepModelType
    from OCP.TCollection import TCollection_ExtendedString
    from OCP.TDataStd import TDataStd_Name
    from OCP.XCAFDoc import XCAFDoc_ColorType, XCAFDoc_DocumentTool

    from pixyz_scheduler.engine.open.cad_document import new_document
    from pixyz_scheduler.engine.open.quiet import quiet

    ocaf = new_document()
    label = XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main()).AddShape(BRepPrimAPI_MakeBox(*size).Shape())
    TDataStd_Name.Set_s(label, TCollection_ExtendedString("Gear box"))
    colour = Quantity_Color(*RED[:3], Quantity_TypeOfColor.Quantity_TOC_RGB)
    XCAFDoc_DocumentTool.ColorTool_s(ocaf.Main()).SetColor(label, colour, XCAFDoc_ColorType.XCAFDoc_ColorGen)
    with quiet():
        writer = STEPCAFControl_Writer()
        writer.SetColorMode(True)  # noqa: FBT003  (OpenCASCADE's signature)
        writer.SetNameMode(True)  # noqa: FBT003
        Interface_Static.SetCVal_s("write.step.unit", unit)
        writer.Transfer(ocaf, STEPControl_StepModelType.STEPControl_AsIs)
        Interface_Static.SetCVal_s("write.step.unit", "MM")
        writer.Write(str(path))
    return path


def write_box_stl(path, *, claimed=12):
    """The box in millimetres with Z up, as binary STL whose header claims so many triangles."""
    mesh = trimesh.creation.box(extents=(10, 20, 30))
    records = b"".join(struct.pack("<12fH", 0, 0, 0, *corners.ravel(), 0) for corners in mesh.triangles)
    path.write_bytes(b"box".ljust(80) + struct.pack("<I", claimed) + records)
    return path


def names_of(scene):
    return {part.name for part in scene.parts()}


def flat(name):
    """A name as every format can hold it."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)
