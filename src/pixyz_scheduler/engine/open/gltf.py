"""glTF and GLB files: read into one GLB without loss, and written back."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pixyz_scheduler.engine.open import glb, gltf_facts
from pixyz_scheduler.engine.open.glb import Document
from pixyz_scheduler.engine.open.scene import METRES_Y_UP, Scene
from pixyz_scheduler.errors import CorruptFile

_MIME = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_EXTENSION = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


def read(path: Path, file_format: str) -> Scene:
    """Open a GLB, or a glTF with its buffers and images, as a scene that keeps its GLB bytes."""
    data = path.read_bytes() if file_format == "glb" else pack(path)
    document, _ = glb.split(data, path.name)
    tree = glb.load(data, path.name)
    return Scene(path, file_format, METRES_Y_UP, gltf_facts.of(document), glb=data, built=tree)


def is_first_version(path: Path, file_format: str) -> bool:
    """Whether this is glTF 1, another format in all but name, which assimp reads."""
    if file_format == "glb":
        with path.open("rb") as file:
            return glb.version(file.read(12)) == 1
    asset = glb.parse(path.read_bytes(), path.name)["asset"]
    return str(asset.get("version", "")).startswith("1")


def pack(path: Path) -> bytes:
    """A glTF file, its buffers and images as one GLB."""
    document = glb.parse(path.read_bytes(), path.name)
    blobs: list[bytes] = []
    starts: list[int] = []
    try:
        for buffer in document.get("buffers", []):
            data = _resolve(path, buffer["uri"])
            if len(data) < buffer["byteLength"]:
                raise CorruptFile(f"{path.name} is damaged: {_short(buffer['uri'])} is shorter than it should be.")
            starts.append(_append(blobs, data[: buffer["byteLength"]]))
        for view in document.get("bufferViews", []):
            view["byteOffset"] = starts[view["buffer"]] + view.get("byteOffset", 0)
            view["buffer"] = 0
        for image in document.get("images", []):
            if "uri" in image:
                _pack_image(path, document, image, blobs)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise CorruptFile(f"{path.name} is damaged: {error!r} in its buffers.") from error
    binary = b"".join(blobs)
    document["buffers"] = [{"byteLength": len(binary)}] if binary else []
    if not binary:
        del document["buffers"]
    return glb.join(document, binary)


def unpack(data: bytes, out: Path) -> tuple[str, ...]:
    """Write a GLB as glTF with one `.bin` and its images beside it, all named after `out`; their names."""
    document, binary = glb.split(data, out.name)
    files = [out.name]
    for number, image in enumerate(document.get("images", [])):
        if "bufferView" not in image:
            continue
        view = document["bufferViews"][image.pop("bufferView")]
        start = view.get("byteOffset", 0)
        name = f"{out.stem}_{number}{_EXTENSION.get(image.pop('mimeType', ''), '.png')}"
        (out.parent / name).write_bytes(binary[start : start + view["byteLength"]])
        image["uri"] = name
        files.append(name)
    if binary:
        name = f"{out.stem}.bin"
        (out.parent / name).write_bytes(binary)
        document["buffers"] = [{"byteLength": len(binary), "uri": name}]
        files.insert(1, name)
    out.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return tuple(files)


def _append(blobs: list[bytes], data: bytes) -> int:
    """Add bytes at the next multiple of four; where they start."""
    start = sum(map(len, blobs))
    blobs.append(data + b"\0" * (-len(data) % 4))
    return start


def _pack_image(path: Path, document: Document, image: dict[str, Any], blobs: list[bytes]) -> None:
    uri = image.pop("uri")
    data = _resolve(path, uri)
    image.setdefault("mimeType", _MIME.get(Path(uri[:256]).suffix.lower()) or _sniff(data))
    views = document.setdefault("bufferViews", [])
    views.append({"buffer": 0, "byteOffset": _append(blobs, data), "byteLength": len(data)})
    image["bufferView"] = len(views) - 1


def _sniff(data: bytes) -> str:
    return "image/png" if data[:4] == b"\x89PNG" else "image/webp" if data[:4] == b"RIFF" else "image/jpeg"


def _resolve(path: Path, uri: str) -> bytes:
    """The bytes behind a URI: in the URI itself, or a file in the glTF file's own folder."""
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise CorruptFile(f"{path.name} is damaged: {_short(uri)} is no base64 ({error}).") from error
    folder = path.parent.resolve()
    file = (folder / unquote(uri)).resolve()
    if not file.is_relative_to(folder):
        raise CorruptFile(f"{path.name} asks for a file outside its folder: {_short(uri)}.")
    if not file.is_file():
        raise CorruptFile(f"{path.name} needs {_short(uri)}, which is not beside it.")
    return file.read_bytes()


def _short(uri: str) -> str:
    return repr(uri if len(uri) <= 80 else uri[:77] + "...")  # noqa: PLR2004  (one line of text)
