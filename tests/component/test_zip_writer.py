"""A zip packed in blocks: every reader reads it, and what cannot be packed is stored."""

import os
import shutil
import subprocess
import zipfile

import pytest

from pixyz_scheduler.storage import zip_writer
from pixyz_scheduler.storage.zip_writer import BLOCK, ZipWriter

SIZES = [0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7]


def text(size):
    return (b"#12=CARTESIAN_POINT('',(1.5,2.25,0.));\n" * (size // 39 + 1))[:size]


def blocks(content):
    return [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]


def write(path, contents, *, most=None, stored=()):
    with path.open("xb", buffering=0) as file, ZipWriter(file, comment=b"a comment") as archive:
        for name, content in contents.items():
            size = len(content) if most is None else most
            archive.add(name, blocks(content), most=size, mtime=1e9, is_packed=name in stored)


def read(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment == b"a comment"
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(params=["isal", "zlib"])
def _by(request, monkeypatch):
    if request.param == "zlib":
        monkeypatch.setattr(zip_writer, "_deflater", zip_writer.zlib)


@pytest.mark.usefixtures("_by")
def test_what_was_written_is_read_back(tmp_path):
    contents = {f"text-{size}": text(size) for size in SIZES} | {f"noise/{size}": os.urandom(size) for size in SIZES}
    contents["é 🙂.txt"] = b"x"
    write(tmp_path / "a.zip", contents, stored=[f"text-{BLOCK + 1}", "text-0"])
    assert read(tmp_path / "a.zip") == contents


@pytest.mark.usefixtures("_by")
def test_noise_costs_five_bytes_in_64_kib_and_text_a_tenth(tmp_path):
    write(tmp_path / "a.zip", {"noise": os.urandom(4 * BLOCK), "text": text(4 * BLOCK)})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        noise, words = archive.infolist()
    assert noise.compress_size <= 4 * BLOCK * (1 + 5 / 65535) + 30
    assert words.compress_size < 4 * BLOCK / 10


def test_sizes_beyond_4_gib_are_told_in_zip64(tmp_path):
    contents = {"a": text(1000), "b": os.urandom(1000)}
    write(tmp_path / "a.zip", contents, most=5 << 30, stored=["b"])
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert [member.extract_version for member in archive.infolist()] == [45, 45]
    assert read(tmp_path / "a.zip") == contents


def test_a_zip_beyond_4_gib_is_read_back(tmp_path):
    """A hole in the file stands for the first member's gigabytes; offsets and directory lie behind it."""
    path = tmp_path / "a.zip"
    with path.open("xb", buffering=0) as file, ZipWriter(file) as archive:
        archive.add("before", [b"a"], most=1, mtime=1e9, is_packed=True)
        archive._write_until(0)
        archive._at = file.seek(5 << 30)
        archive.add("after", [b"b" * 1000], most=1000, mtime=1e9, is_packed=False)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.getinfo("after").header_offset == 5 << 30
        assert archive.read("after") == b"b" * 1000


def test_more_than_65535_files_are_told_in_zip64(tmp_path):
    write(tmp_path / "a.zip", {f"{number}": b"" for number in range(65_600)})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(archive.namelist()) == 65_600


@pytest.mark.parametrize("tool", [["unzip", "-tq"], ["7z", "t"]])
def test_others_read_it_too(tmp_path, tool):
    if shutil.which(tool[0]) is None:
        # In CI too: a bare machine has neither, and Python's own reader has looked at all of it.
        pytest.skip(f"{tool[0]} is not here")
    write(tmp_path / "a.zip", {"text": text(3 * BLOCK), "noise": os.urandom(BLOCK), "é": b""})
    write(tmp_path / "b.zip", {"text": text(3 * BLOCK), "noise": os.urandom(BLOCK)}, most=5 << 30)
    for name in ("a.zip", "b.zip"):
        said = subprocess.run([*tool, tmp_path / name], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
