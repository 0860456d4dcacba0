"""What converters leave wrong in glTF, put right: ranges, unit normals, weights, animations, images."""

import io
from typing import Any

import numpy as np

from pixyz_scheduler.engine.open.libraries import need

Document = dict[str, Any]

_IMAGES = ("image/png", "image/jpeg", "image/webp")
_FLOAT = 5126
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def mend(document: Document, binary: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Change the document in place; the new binary chunk, and warnings."""
    for material in document.get("materials", []):
        _clamp(material)
    data = bytearray(binary)
    _mend_coordinates(document)
    _mend_accessors(document, data)
    warnings = (*_mend_animations(document, data), *_mend_images(document, data))
    if data:
        document["buffers"] = [{"byteLength": len(data)}]
    return bytes(data), warnings


def _clamp(value: Document) -> None:
    """Every factor of a material lies between 0 and 1."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            _clamp(inner)
        elif key.endswith("Factor"):
            limited = np.clip(np.nan_to_num(np.asarray(inner, dtype=float)), 0, 1)
            value[key] = limited.tolist()


def _mend_accessors(document: Document, data: bytearray) -> None:
    primitives = [primitive for mesh in document.get("meshes", []) for primitive in mesh["primitives"]]
    plain = (each for each in primitives if "KHR_draco_mesh_compression" not in each.get("extensions", {}))
    attributes = [primitive["attributes"] for primitive in plain]
    for index in {each["NORMAL"] for each in attributes if "NORMAL" in each}:
        _mend_normals(_values(document, data, index), document["accessors"][index])
    for index in {each["WEIGHTS_0"] for each in attributes if "WEIGHTS_0" in each and "WEIGHTS_1" not in each}:
        _mend_weights(_values(document, data, index), document["accessors"][index])
    for skin in document.get("skins", []):
        if "inverseBindMatrices" in skin:
            matrices = _values(document, data, skin["inverseBindMatrices"])
            if matrices is not None:
                matrices[:, [3, 7, 11, 15]] = (0, 0, 0, 1)
                _forget_range(document["accessors"][skin["inverseBindMatrices"]])


def _mend_normals(normals: Any, accessor: Document) -> None:
    if normals is None:
        return
    lengths = np.linalg.norm(np.nan_to_num(normals), axis=1)
    wrong = ~(np.abs(lengths - 1) < 1e-3) | ~np.isfinite(normals).all(axis=1)  # noqa: PLR2004  (single precision)
    if wrong.any():
        fixed = np.nan_to_num(normals[wrong].astype(np.float64))
        fixed[lengths[wrong] < 1e-6] = (0, 1, 0)  # noqa: PLR2004  (of a triangle without area: any will do)
        normals[wrong] = fixed / np.linalg.norm(fixed, axis=1, keepdims=True)
        _forget_range(accessor)


def _mend_weights(weights: Any, accessor: Document) -> None:
    if weights is None:
        return
    exact = np.clip(np.nan_to_num(weights.astype(np.float64)), 0, None)
    exact[exact.sum(axis=1) == 0] = (1, 0, 0, 0)  # a vertex that no bone moves
    weights[:] = exact / exact.sum(axis=1, keepdims=True)
    _forget_range(accessor)


def _forget_range(accessor: Document) -> None:
    """What the accessor says of its least and greatest is no longer so; only positions must say it."""
    accessor.pop("min", None)
    accessor.pop("max", None)


def _mend_coordinates(document: Document) -> None:
    """A texture that asks for coordinates which a mesh lacks takes the first ones, or goes."""
    sets: dict[int, set[str]] = {}
    for mesh in document.get("meshes", []):
        for primitive in mesh["primitives"]:
            if "material" in primitive:
                have = {name for name in primitive["attributes"] if name.startswith("TEXCOORD")}
                sets[primitive["material"]] = sets.get(primitive["material"], have) & have
                for name in have:
                    _flatten(document, primitive["attributes"][name])
    for number, material in enumerate(document.get("materials", [])):
        _take_coordinates(material, sets.get(number, set()))


def _flatten(document: Document, index: int) -> None:
    """Texture coordinates of three numbers, which assimp makes of some files: the third is stepped over."""
    accessor = document["accessors"][index]
    if accessor["type"] == "VEC3" and "bufferView" in accessor:
        accessor["type"] = "VEC2"
        document["bufferViews"][accessor["bufferView"]].setdefault("byteStride", 12)
        _forget_range(accessor)


def _take_coordinates(value: Document, have: set[str]) -> None:
    for key, inner in list(value.items()):
        if not isinstance(inner, dict):
            continue
        if key.endswith("Texture") and f"TEXCOORD_{inner.get('texCoord', 0)}" not in have:
            inner["texCoord"] = 0
            if "TEXCOORD_0" not in have:
                del value[key]
        else:
            _take_coordinates(inner, have)


def _mend_animations(document: Document, data: bytearray) -> tuple[str, ...]:
    """Animations whose times do not run forward, or whose values are no numbers, go."""
    animations = document.get("animations", [])
    good = [animation for animation in animations if _moves(document, data, animation)]
    if len(good) == len(animations):
        return ()
    for animation in animations:
        if animation not in good:
            _still(document, data, animation)
    document["animations"] = good
    if not good:
        del document["animations"]
    return (f"animations lost ({len(animations) - len(good)}): their times or values are damaged",)


def _still(document: Document, data: bytearray, animation: Document) -> None:
    """The values of an animation that goes stay in the file: let them be numbers."""
    for sampler in animation["samplers"]:
        for key in ("input", "output"):
            values = _values(document, data, sampler[key])
            if values is not None:
                values[:] = np.nan_to_num(values)
                _forget_range(document["accessors"][sampler[key]])


def _moves(document: Document, data: bytearray, animation: Document) -> bool:
    for sampler in animation["samplers"]:
        times, values = (_values(document, data, sampler[key]) for key in ("input", "output"))
        if times is None or not np.isfinite(times).all() or (np.diff(times[:, 0]) <= 0).any() or times[0, 0] < 0:
            return False
        if values is not None and not np.isfinite(values).all():
            return False
    return True


def _values(document: Document, data: bytearray, index: int) -> Any:
    """A writable view of an accessor of floats; None if it is none."""
    accessor = document["accessors"][index]
    width = _WIDTHS.get(accessor["type"])
    if accessor["componentType"] != _FLOAT or width is None or "bufferView" not in accessor or not accessor["count"]:
        return None
    view = document["bufferViews"][accessor["bufferView"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", width * 4)
    return np.ndarray((accessor["count"], width), "<f4", buffer=data, offset=start, strides=(stride, 4))


def _mend_images(document: Document, data: bytearray) -> tuple[str, ...]:
    """Images of other formats as PNG; a white pixel for those that were not found."""
    missing = 0
    for image in document.get("images", []):
        if "uri" in image and not image["uri"].startswith("data:"):
            del image["uri"]
            missing += 1
            _embed(document, data, image, need("PIL").Image.new("RGB", (1, 1), "white"))
        elif "bufferView" in image and image.get("mimeType") not in _IMAGES:
            view = document["bufferViews"][image["bufferView"]]
            start = view.get("byteOffset", 0)
            raw = bytes(data[start : start + view["byteLength"]])
            try:
                picture = need("PIL").Image.open(io.BytesIO(raw))
                picture.load()
            except OSError:  # of no format that pillow knows
                missing += 1
                picture = need("PIL").Image.new("RGB", (1, 1), "white")
            _embed(document, data, image, picture)
    return (f"textures not found, or not readable, and left white ({missing})",) if missing else ()


def _embed(document: Document, data: bytearray, image: Document, picture: Any) -> None:
    file = io.BytesIO()
    picture.save(file, "PNG")
    data.extend(b"\0" * (-len(data) % 4))
    views = document.setdefault("bufferViews", [])
    views.append({"buffer": 0, "byteOffset": len(data), "byteLength": len(file.getvalue())})
    data.extend(file.getvalue())
    image["bufferView"], image["mimeType"] = len(views) - 1, "image/png"
