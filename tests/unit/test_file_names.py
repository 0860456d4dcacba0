"""What a client's file name becomes."""

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixyz_scheduler.errors import InvalidConfig, InvalidUpload
from pixyz_scheduler.jobs.model_files import is_model
from pixyz_scheduler.storage.incoming import MAX_NAME_BYTES, clean_name
from pixyz_scheduler.storage.root_file import find_root_file
from pixyz_scheduler.storage.unpack import is_archive


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("part.step", "part.step"),
        ("C:\\Users\\me\\part.step", "part.step"),
        ("../../etc/passwd", "passwd"),
        ("/abs/part.step", "part.step"),
        ("folder/", "folder"),
        ("a\0b\n\x1b[31m.step", "ab[31m.step"),
        (".bashrc", "bashrc"),
        ("  part .step. ", "part .step"),
        ("Bauteil Größe (2).stp", "Bauteil Größe (2).stp"),
        (unicodedata.normalize("NFD", "Größe.stp"), "Größe.stp"),
        ("a\ud800.step", "a.step"),
        ("right\u202eleft.stp", "rightleft.stp"),
        ("a:b*c?.step", "a_b_c_.step"),
        ("x" * 400 + ".step", "x" * 187 + ".step"),
        ("é" * 400 + ".step", "é" * 93 + ".step"),
        ("asm.prt.7", "asm.prt.7"),
        ("CON.step", "_CON.step"),
        ("lpt1", "_lpt1"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("console.step", "console.step"),
        (". .0", "0"),
        ("e\0\u0301.step", "é.step"),
        ("x" * 191 + " " + "y" * 50, "x" * 191),
    ],
)
def test_only_the_last_part_of_a_name_is_kept_and_only_letters(sent, kept):
    assert clean_name(sent) == kept


@pytest.mark.parametrize("sent", ["", ".", "..", "/", "a/..", "\0\n", "   ", "...", "\ud800"])
def test_a_name_with_nothing_in_it_is_refused(sent):
    with pytest.raises(InvalidUpload, match="has nothing in it that can be a name"):
        clean_name(sent)


@given(st.text(max_size=300) | st.text(alphabet="./\\\0 aé\n", max_size=300))
def test_a_clean_name_is_one_short_visible_name_and_clean_already(sent):
    with suppress(InvalidUpload):
        name = clean_name(sent)
        assert name not in ("", ".", "..")
        assert not name.startswith(".")
        assert not set("/\\\0") & set(name)
        assert all(unicodedata.category(letter)[0] != "C" for letter in name)
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert clean_name(name) == name


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a.zip", True),
        ("A.ZIP", True),
        ("a.tar.gz", True),
        ("a.tgz", True),
        ("a.tar.bz2", True),
        ("a.txz", True),
        ("a.3mf", False),
        ("a.usdz", False),
        ("a.FCStd", False),
        ("a.stpz", False),
        ("a.gz", False),
        ("a.zip.step", False),
    ],
)
def test_only_the_suffix_makes_an_archive(name, answer):
    assert is_archive(name) is answer


@pytest.mark.parametrize(
    ("names", "root_file", "found"),
    [
        (["a.txt"], None, "a.txt"),
        (["a.txt", "b.txt"], None, None),
        ([], None, None),
        (["b.step", "a.txt"], None, "b.step"),
        (["z.stl", "deep/a.stl"], None, "z.stl"),
        (["b.stl", "a.stl"], None, "a.stl"),
        (["part.CATPart", "deep/all.CATProduct"], None, "deep/all.CATProduct"),
        (["a.obj", "a.gltf", "a.bin", "a.png"], None, "a.gltf"),
        (["wheel.prt.3", "car.asm.12"], None, "car.asm.12"),
        (["__MACOSX/._a.step", "a.step", ".DS_Store", "Thumbs.db"], None, "a.step"),
        (["a.step", "b.step"], "b.step", "b.step"),
        (["a.step", "in/b.step"], "./in/b.step", "in/b.step"),
        (["a.step", "in/b.step"], "in\\b.step", "in/b.step"),
        (["a.step"], "", "a.step"),
    ],
)
def test_the_root_file_is_the_named_the_only_or_the_first_model(names, root_file, found):
    assert find_root_file(names, root_file=root_file) == found


@pytest.mark.parametrize(
    "root_file", ["c.step", "../a.step", "/a.step", "in", "A.STEP", "a.step/..", "\0", ".hidden.step"]
)
def test_a_root_file_that_is_not_there_names_those_that_are(root_file):
    with pytest.raises(InvalidConfig, match=r"is not in the archive, which holds: a\.step, in/b\.step\."):
        find_root_file(["in/b.step", "a.step", ".hidden.step"], root_file=root_file)


@pytest.mark.parametrize(
    ("name", "answer"), [("a.STP", True), ("a.prt.7", True), ("a.step.7", False), ("a.txt", False), ("a", False)]
)
def test_a_model_is_known_by_its_suffix(name, answer):
    assert is_model(name) is answer
