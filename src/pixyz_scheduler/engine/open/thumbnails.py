"""Pictures of a scene, and its light preview."""

import tempfile
from pathlib import Path

from pixyz_scheduler.engine.base import ThumbnailOptions, Thumbnails
from pixyz_scheduler.engine.open import gl, softraster
from pixyz_scheduler.engine.open.camera import View, named_views
from pixyz_scheduler.engine.open.decimate import decimate
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Scene
from pixyz_scheduler.engine.open.softraster import Picture
from pixyz_scheduler.engine.open.surface import flatten
from pixyz_scheduler.errors import EngineError, EngineMissing

PREVIEW = "preview.glb"
WHITE = (1.0, 1.0, 1.0)


def draw(scene: Scene, out_dir: Path, options: ThumbnailOptions) -> Thumbnails:
    """Write `<view>.png` for each view asked for, and `preview.glb`, into a folder that is there.

    `x`, `y` and `z` look along the axes of the source file: from the right, the front and the top of a CAD file (Z up),
    from the right, the top and the front of a file with Y up.
    """
    known = named_views(z_up=scene.frame.up == "Z")
    views: dict[str, View] = {name: known[name] for name in options.views}
    renderer, warnings = _draw_views(scene, out_dir, views, options)
    preview = None
    if options.preview_triangles is not None:
        preview = decimate(scene, triangles=options.preview_triangles)
        (out_dir / PREVIEW).write_bytes(preview.to_glb())
        warnings += [f"{PREVIEW}: {warning}" for warning in preview.warnings[len(scene.warnings) :]]
    return Thumbnails(
        pictures={name: f"{name}.png" for name in views},
        width=options.width,
        height=options.height,
        renderer=renderer,
        preview=None if preview is None else PREVIEW,
        preview_triangles=0 if preview is None else preview.triangle_count,
        warnings=(*scene.warnings, *warnings),
    )


def _draw_views(
    scene: Scene, out_dir: Path, views: dict[str, View], options: ThumbnailOptions
) -> tuple[str, list[str]]:
    """Give who drew, and what went otherwise than asked."""
    if _renderer(options) == "soft":
        _draw_by_numpy(scene, out_dir, views, options)
        return "soft", []
    try:
        _draw_by_f3d(scene, out_dir, views, options)
    except EngineError as error:
        if options.renderer == "f3d":
            raise
        _draw_by_numpy(scene, out_dir, views, options)
        return "soft", [f"drawn without the graphics card: {error}"]
    return "f3d", []


def _renderer(options: ThumbnailOptions) -> str:
    if options.renderer != "auto":
        if options.renderer == "f3d" and not gl.usable():
            raise EngineMissing(
                "f3d cannot draw here: it needs its library and EGL with a graphics card. Install it with: "
                'pip install "pixyz-scheduler[render]" && apt-get install libegl1, or ask for the renderer "soft".'
            )
        return options.renderer
    return "f3d" if gl.usable() else "soft"


def _draw_by_numpy(scene: Scene, out_dir: Path, views: dict[str, View], options: ThumbnailOptions) -> None:
    image = need("PIL")
    surface = flatten(scene, texture_size=max(256, options.width, options.height))
    background = WHITE if options.background == "white" else None
    picture = Picture(options.width, options.height, background)
    for name, view in views.items():
        drawn = softraster.draw(surface, view, picture)
        if background is not None:
            drawn = drawn[:, :, :3]
        image.Image.fromarray(drawn).save(out_dir / f"{name}.png")


def _draw_by_f3d(scene: Scene, out_dir: Path, views: dict[str, View], options: ThumbnailOptions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        glb = Path(folder) / "scene.glb"
        glb.write_bytes(scene.to_glb())
        pictures = {out_dir / f"{name}.png": view for name, view in views.items()}
        white = options.background == "white"
        gl.draw(glb, pictures, width=options.width, height=options.height, white=white)
