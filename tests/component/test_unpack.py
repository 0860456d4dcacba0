"""Input archives, honest and hostile, really unpacked."""

import gzip
import io
import os
import stat
import subprocess
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pixyz_scheduler.errors import InvalidArchive, StorageFull
from pixyz_scheduler.storage.unpack import RATIO_COUNTS_FROM, UnpackLimits, unpack

LIMITS = UnpackLimits(max_bytes=200 << 20, max_members=50, max_ratio=100)


@pytest.fixture
def into(tmp_path):
    return tmp_path / "job" / "input"


@pytest.fixture(autouse=True)
def nothing_escapes(tmp_path, into):
    """Whatever a test does, nothing comes to be beside the folder, and a refused archive leaves nothing in it."""
    into.parent.mkdir()
    yield
    left = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert {name for name in left if not name.startswith("in.")} <= {"job", "small"}
    assert [path.name for path in into.parent.iterdir()] in ([], ["input"])


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def make_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def tar_member(name, kind, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def refused(archive, into, match, limits=LIMITS):
    with pytest.raises(InvalidArchive, match=match):
        unpack(archive, into, limits=limits)
    assert not into.exists()


HONEST = [("car/car.asm", b"assembly"), ("car/parts/wheel.step", b"wheel" * 1000), ("Größe.txt", b"")]


@pytest.mark.parametrize(
    "name", ["in.zip", "in.tar", "in.tgz", "in.tar.gz", "in.tbz2", "in.tar.bz2", "in.txz", "in.tar.xz"]
)
def test_each_kind_of_archive_is_unpacked(tmp_path, into, name):
    mode = {"gz": "w:gz", "z2": "w:bz2", "xz": "w:xz", "ar": "w"}.get(name[-2:])
    archive = make_zip(tmp_path / name, HONEST) if mode is None else make_tar(tmp_path / name, HONEST, mode)
    files = unpack(archive, into, limits=LIMITS)
    assert {file.relative_to(into).as_posix(): file.read_bytes() for file in files} == dict(HONEST)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


@pytest.mark.parametrize("name", ["in.zip", "in.tar.gz"])
def test_the_content_says_how_it_is_packed_whatever_the_suffix(tmp_path, into, name):
    packed = make_tar(tmp_path / "in.x", HONEST) if name == "in.zip" else make_zip(tmp_path / "in.x", HONEST)
    assert len(unpack(packed.rename(tmp_path / name), into, limits=LIMITS)) == 3


def test_backslashes_of_old_windows_tools_are_folders_in_a_zip(tmp_path, into):
    archive = make_zip(tmp_path / "in.zip", [("parts\\wheel.step", b"x"), ("empty\\", b"")])
    assert unpack(archive, into, limits=LIMITS) == [into / "parts" / "wheel.step"]


def test_of_a_name_twice_the_last_counts(tmp_path, into):
    archive = make_tar(tmp_path / "in.tar", [("a.step", b"old, longer"), ("a.step", b"new")])
    (file,) = unpack(archive, into, limits=LIMITS)
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "//out", "a/b/../../../out", ".."])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_member_that_leaves_the_folder_is_refused(tmp_path, into, make, name):
    refused(make(tmp_path / "in.archive", [("a/ok.step", b"x"), (name, b"x")]), into, "leaves the folder")


def test_a_zip_member_that_leaves_by_backslashes_is_refused(tmp_path, into):
    refused(make_zip(tmp_path / "in.zip", [("..\\out", b"x")]), into, "leaves the folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, into, kind):
    members = [("a.step", b"x"), (tar_member("odd", kind, "../../secret"), b""), ("odd/x", b"through")]
    refused(make_tar(tmp_path / "in.tar", members), into, "'odd', a link or device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, into, kind):
    member = zipfile.ZipInfo("odd")
    member.external_attr = (kind | 0o777) << 16
    refused(make_zip(tmp_path / "in.zip", [("a.step", b"x"), (member, b"/etc")]), into, "'odd', a link or device")


def test_an_encrypted_zip_says_so(tmp_path, into):
    archive = make_zip(tmp_path / "in.zip", [("a.step", b"x" * 100)])
    data = bytearray(archive.read_bytes())
    data[6] |= 1  # the flag in the member's own header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    archive.write_bytes(data)
    refused(archive, into, r"in\.zip is encrypted \('a\.step'\); send it without password")


def test_a_file_where_a_folder_must_be_is_refused(tmp_path, into):
    refused(make_zip(tmp_path / "in.zip", [("a", b"x"), ("a/b", b"x")]), into, "a file and a folder of the same name")
    refused(make_tar(tmp_path / "in.tar", [("a/b", b"x"), ("a", b"x")]), into, "a file and a folder of the same name")


def test_a_name_too_long_for_the_disk_is_refused(tmp_path, into):
    refused(make_tar(tmp_path / "in.tar", [("a" * 300, b"x")]), into, "a name that this disk does not take")


def test_too_many_members_are_refused(tmp_path, into):
    refused(make_zip(tmp_path / "in.zip", [(f"{n}", b"") for n in range(51)]), into, "more than 50 members")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_bytes_are_refused(tmp_path, into, make):
    limits = UnpackLimits(max_bytes=5000, max_ratio=1e9)
    archive = make(tmp_path / "in.archive", [("a", b"x" * 3000), ("b", b"x" * 3000)])
    refused(archive, into, "unpacks to more than 5000 bytes", limits)


def zeros(path, size):
    """A bomb, written without being in memory."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    return path


def test_a_bomb_of_zeros_is_refused_by_its_ratio(tmp_path, into):
    refused(zeros(tmp_path / "in.zip", RATIO_COUNTS_FROM * 2), into, "more than 100 times its size")


def test_a_bomb_that_lies_about_its_size_is_counted_as_it_is(tmp_path, into):
    archive = zeros(tmp_path / "in.zip", 4 << 20)
    data = archive.read_bytes()
    lie = data.replace((4 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != data
    archive.write_bytes(lie)
    with pytest.raises(InvalidArchive):
        unpack(archive, into, limits=UnpackLimits(max_bytes=1 << 20))


def test_a_tar_bomb_in_its_headers_is_refused(tmp_path, into):
    # A pax header of 300 MB of blanks: no member, but tarfile would hold it in memory.
    header = tar_member("pax", tarfile.XHDTYPE)
    header.size = 300 << 20
    with gzip.open(tmp_path / "in.tar.gz", "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(300):
            file.write(b" " * (1 << 20))
    refused(tmp_path / "in.tar.gz", into, "more than")


def test_a_sparse_member_counts_with_what_it_becomes(tmp_path, into):
    with (tmp_path / "in.sparse").open("wb") as file:
        file.truncate(1 << 30)
    made = subprocess.run(
        ["tar", "--sparse", "-C", tmp_path, "-cf", tmp_path / "in.tar", "in.sparse"], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"needs GNU tar: {made.stderr.decode().strip()}")
    refused(tmp_path / "in.tar", into, "unpacks to more than")


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_cut_off_anywhere_is_refused(tmp_path, into, mode):
    members = [("a.step", os.urandom(30_000)), ("b.step", b"x" * 1000)]
    archive = tmp_path / "in.archive"
    make_zip(archive, members) if mode == "zip" else make_tar(archive, members, mode)
    whole = archive.read_bytes()
    for part in (0.01, 0.3, 0.7):
        archive.write_bytes(whole[: int(len(whole) * part)])
        refused(archive, into, "damaged, cut off or no archive|cannot be unpacked")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04", b"ISO-10303-21;", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00", bytes(5000)]
)
def test_what_is_no_archive_is_refused(tmp_path, into, content):
    archive = tmp_path / "in.zip"
    archive.write_bytes(content)
    if content == bytes(5000):
        # To tar, blocks of zeros are an archive of nothing.
        assert unpack(archive, into, limits=LIMITS) == []
    else:
        refused(archive, into, r"in\.zip cannot be unpacked")


def test_a_changed_byte_is_noticed_by_the_checksum(tmp_path, into):
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.step", b"x" * 1000)
    archive.write_bytes(archive.read_bytes().replace(b"xxxx", b"xxyx", 1))
    refused(archive, into, "Bad CRC-32")


def test_a_full_disk_is_said_and_cleared(tmp_path, request):
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.decode().strip()}")
    request.addfinalizer(lambda: subprocess.run(["umount", disk], check=True))
    with pytest.raises(StorageFull, match="No space left"):
        unpack(make_zip(tmp_path / "in.zip", [("a.step", b"x" * 1_000_000)]), disk / "input", limits=LIMITS)
    assert list(disk.iterdir()) == []


NAMES = st.lists(st.sampled_from(["..", ".", "", "a", "b", "\\", "~", "C:"]), min_size=1, max_size=5).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(names=st.lists(NAMES | st.text(min_size=1, max_size=8), max_size=4), as_tar=st.booleans())
def test_no_names_at_all_write_outside(tmp_path, into, names, as_tar):
    archive = tmp_path / "in.archive"
    # A name that cannot be packed at all is no test of unpacking.
    with suppress(UnicodeEncodeError, ValueError, IndexError):
        (make_tar if as_tar else make_zip)(archive, [(name, b"x") for name in dict.fromkeys(names)])
        with suppress(InvalidArchive):
            files = unpack(archive, into, limits=LIMITS)
            assert all(file.is_relative_to(into) and file.is_file() for file in files)
            remove(into)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    as_tar=st.booleans(),
)
@example(damage=[(0.9921875, 1)], as_tar=False)  # a folder of members too far on: they begin before the file does
def test_damage_anywhere_is_an_invalid_archive_and_nothing_else(tmp_path, into, damage, as_tar):
    archive = tmp_path / "in.archive"
    make_tar(archive, HONEST, "w:gz") if as_tar else make_zip(archive, HONEST)
    data = bytearray(archive.read_bytes())
    for place, byte in damage:
        data[int(place * len(data))] = byte
    archive.write_bytes(data)
    with suppress(InvalidArchive):
        unpack(archive, into, limits=LIMITS)
        remove(into)


def remove(folder: Path):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
