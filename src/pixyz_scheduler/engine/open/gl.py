"""Draws with f3d where EGL has a graphics card; only there is it better than our own renderer.

f3d and the GL libraries under it end the process where they are half installed, so the card is looked for by ctypes,
without making any context, before f3d is imported.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from pixyz_scheduler.engine.open.camera import View
from pixyz_scheduler.errors import EngineError

MOST_DEVICES = 16
EGL_EXTENSIONS = 0x3055
LONGEST = 300
SOFTWARE = b"EGL_MESA_device_software"


def usable() -> bool:
    """Tell whether f3d is installed and EGL has a hardware device."""
    return find_spec("f3d") is not None and has_graphics_card()


def has_graphics_card(library: str = "libEGL.so.1") -> bool:
    """Look for a device that is no software (EGL_EXT_device_enumeration, EGL_EXT_device_query)."""
    try:
        egl = ctypes.CDLL(library)
        find = egl.eglGetProcAddress
    except (OSError, AttributeError):
        return False
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    query, describe = find(b"eglQueryDevicesEXT"), find(b"eglQueryDeviceStringEXT")
    if not query or not describe:
        return False
    pointer = ctypes.POINTER
    query_devices = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, pointer(ctypes.c_void_p), pointer(ctypes.c_int))(
        query
    )
    device_string = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)(describe)
    devices, count = (ctypes.c_void_p * MOST_DEVICES)(), ctypes.c_int()
    if not query_devices(MOST_DEVICES, devices, ctypes.byref(count)):
        return False
    return any(SOFTWARE not in (device_string(devices[index], EGL_EXTENSIONS) or b"") for index in range(count.value))


def draw(glb: Path, pictures: Mapping[Path, View], *, width: int, height: int, white: bool) -> None:
    """Draw a GLB once for each view, into the file named beside it.

    In a process of its own: a driver that crashes must not take the job with it.

    Raises:
        EngineError: f3d failed; the text holds the last line that it said.
    """
    plan = {
        "glb": str(glb),
        "size": [width, height],
        "white": white,
        "views": {str(path): [view.direction, view.up, view.field_of_view] for path, view in pictures.items()},
    }
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            command,
            input=json.dumps(plan),
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"f3d did not draw {glb.name} within {LONGEST} seconds") from None
    if done.returncode != 0 or not all(path.is_file() for path in pictures):
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EngineError(f"f3d could not draw {glb.name} (exit status {done.returncode}): {said}")


def main() -> None:
    """Draw what the plan on standard input says; the other half of `draw`."""
    plan = json.load(sys.stdin)
    import f3d

    f3d.Log.set_verbose_level(f3d.Log.VerboseLevel.QUIET)
    f3d.Engine.autoload_plugins()
    engine = f3d.Engine.create(True)  # noqa: FBT003 (off-screen; f3d knows no keywords)
    engine.options.update(
        {
            "render.effect.antialiasing.mode": "ssaa",
            "render.effect.ambient_occlusion": True,
            # its default light is dim
            "render.light.intensity": 3.0,
            "render.background.color": [1.0, 1.0, 1.0],
            "ui.axis": False,
            "scene.up_direction": "+Y",
        }
    )
    engine.scene.add(plan["glb"])
    engine.window.size = tuple(plan["size"])
    camera = engine.window.camera
    for path, (direction, up, field_of_view) in plan["views"].items():
        camera.focal_point = (0.0, 0.0, 0.0)
        camera.position = tuple(-value for value in direction)
        camera.view_up = tuple(up)
        engine.options["scene.camera.orthographic"] = not field_of_view
        camera.view_angle = field_of_view or 24.0
        camera.reset_to_bounds(0.95)
        engine.window.render_to_image(not plan["white"]).save(path)
