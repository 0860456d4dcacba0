"""Zip files: unpacked with member checks and limits, and the main 3D file found in a folder."""

import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pixyz_scheduler.errors import CorruptFile, UnsupportedFormat

# What is most likely to be the scene itself comes first.
PREFERENCE = (
    "glb gltf step stp fbx usdz usdc usda usd dae ifc iges igs brep fcstd 3ds x obj 3mf stl ply off".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Limits:
    """What an archive may become.

    Attributes:
        bytes: all members together, unpacked.
        members: files and folders.
        ratio: unpacked to packed, looked at only above 10 MiB.
    """

    bytes: int = 16 << 30
    members: int = 100_000
    ratio: int = 1000


def unpack(path: Path, folder: Path, limits: Limits) -> None:
    """Unpack a zip into an existing, empty folder; nothing is written outside it, and no links are made."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(path, members, limits)
            for member in members:
                if not member.is_dir():
                    target = folder / member.filename
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(member) as source, target.open("wb") as copy:
                        shutil.copyfileobj(source, copy, 1 << 20)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise CorruptFile(f"{path.name} cannot be unpacked: {error}.") from error


def _check(path: Path, members: list[zipfile.ZipInfo], limits: Limits) -> None:
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if len(members) > limits.members:
        raise CorruptFile(f"{path.name} holds {len(members)} members; {limits.members} are allowed.")
    if total > limits.bytes or (total > 10 << 20 and total > packed * limits.ratio):
        raise CorruptFile(f"{path.name} would unpack to {total} bytes, from {packed}: that is not allowed.")
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] if name.parts else True:
            raise CorruptFile(f"{path.name} holds a member that leaves its folder: {member.filename!r}.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise CorruptFile(f"{path.name} holds a link: {member.filename!r}.")


def main_file(folder: Path, name: str, root_file: str | None) -> Path:
    """The 3D file to open in an unpacked folder: `root_file`, or the likeliest format, the largest of several."""
    if root_file is not None:
        chosen = (folder / root_file).resolve()
        if not chosen.is_relative_to(folder.resolve()) or not chosen.is_file():
            raise UnsupportedFormat(f"{name} holds no file {root_file!r}.")
        return chosen
    found = [
        (PREFERENCE.index(extension), -file.stat().st_size, str(file), file)
        for file in folder.rglob("*")
        if file.is_file() and (extension := file.suffix[1:].lower()) in PREFERENCE
    ]
    if not found:
        raise UnsupportedFormat(f"{name} holds no 3D file.")
    return min(found)[-1]
