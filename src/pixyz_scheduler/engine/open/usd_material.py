"""UsdPreviewSurface and trimesh materials, one into the other."""

import io
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.looks import Look

_GREY = (0.8, 0.8, 0.8)


class Materials:
    """The materials of a stage being read, each made once."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self.textures = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._made)

    def visual(self, prim: Any, mesh: Any) -> Any:
        """The material of a mesh or of one of its subsets: bound, or from the display colour; None without either."""
        from pxr import UsdShade

        bound, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
        if bound:
            key = str(bound.GetPath())
            if key not in self._made:
                self._made[key] = self._from_usd(bound)
            return self._made[key]
        colours = mesh.GetDisplayColorAttr().Get()
        if not colours:
            return None
        key = f"displayColor {tuple(colours[0])}"
        if key not in self._made:
            self._made[key] = _pbr(key, baseColorFactor=[*map(float, colours[0]), 1.0], metallicFactor=0.0)
        return self._made[key]

    def _from_usd(self, bound: Any) -> Any:
        name = bound.GetPrim().GetName()
        shader = bound.ComputeSurfaceSource()[0]
        if not shader:
            return _pbr(name, baseColorFactor=[*_GREY, 1.0])
        colour, asset = _input(shader, "diffuseColor", _GREY)
        opacity, _ = _input(shader, "opacity", 1.0)
        metallic, _ = _input(shader, "metallic", 0.0)
        roughness, _ = _input(shader, "roughness", 0.5)
        image = _image(asset)
        values: dict[str, Any] = {"metallicFactor": float(metallic), "roughnessFactor": float(roughness)}
        if float(opacity) < 1:
            values["alphaMode"] = "BLEND"
        if image is not None:
            self.textures += 1
            return _pbr(name, baseColorTexture=image, baseColorFactor=[1.0, 1.0, 1.0, float(opacity)], **values)
        return _pbr(name, baseColorFactor=[*map(float, colour), float(opacity)], **values)


def _pbr(name: str, **values: Any) -> Any:
    trimesh = need("trimesh")
    return trimesh.visual.material.PBRMaterial(name=name, **values)


def _input(shader: Any, name: str, default: Any) -> tuple[Any, Any]:
    """A shader input's value, and the texture asset that it is connected to."""
    from pxr import UsdShade

    source = shader.GetInput(name)
    if not source:
        return default, None
    producers = source.GetValueProducingAttributes()
    if producers and producers[0].GetPrim() != shader.GetPrim():
        file = UsdShade.Shader(producers[0].GetPrim()).GetInput("file")
        return default, file.Get() if file else None
    value = source.Get()
    return (default if value is None else value), None


def _image(asset: Any) -> Any:
    if asset is None or not asset.resolvedPath:
        return None
    from pxr import Ar

    image = need("PIL").Image
    opened = Ar.GetResolver().OpenAsset(Ar.ResolvedPath(asset.resolvedPath))
    try:
        return image.open(io.BytesIO(bytes(opened.GetBuffer())))
    except OSError:  # no image, or one that pillow does not know: the material goes without
        return None


def define(stage: Any, path: str, look: Look, folder: Path) -> Any:
    """A UsdShade material at `path`; its texture is written into `folder` under the material's name."""
    from pxr import Gf, Sdf, UsdShade

    types = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("metallic", types.Float).Set(look.metallic)
    shader.CreateInput("roughness", types.Float).Set(look.roughness)
    if look.colour[3] < 1:
        shader.CreateInput("opacity", types.Float).Set(look.colour[3])
    diffuse = shader.CreateInput("diffuseColor", types.Color3f)
    if look.image is None:
        diffuse.Set(Gf.Vec3f(*look.colour[:3]))
    else:
        file = f"{path.rsplit('/', 1)[-1]}.png"
        look.image.convert("RGBA").save(folder / file)
        diffuse.ConnectToSource(_texture(stage, path, file))
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", types.Token))
    return material


def _texture(stage: Any, path: str, file: str) -> Any:
    from pxr import Sdf, UsdShade

    types = Sdf.ValueTypeNames
    reader = UsdShade.Shader.Define(stage, f"{path}/coordinates")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", types.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"{path}/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", types.Asset).Set(f"./{file}")
    texture.CreateInput("st", types.Float2).ConnectToSource(reader.CreateOutput("result", types.Float2))
    for side in ("wrapS", "wrapT"):
        texture.CreateInput(side, types.Token).Set("repeat")
    texture.CreateInput("sourceColorSpace", types.Token).Set("sRGB")
    return texture.CreateOutput("rgb", types.Float3)
