"""The folder of named scripts, with real files."""

import os

import pytest

from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import InvalidScript, ProcessUndocumented, UnknownProcess


@pytest.fixture
def catalog(tmp_path):
    (tmp_path / "convert_file.py").write_text('def main(pc, params):\n    """Convert a file."""\n')
    (tmp_path / "by-file.py").write_text('"""The file speaks."""\ndef main(pc, params): ...\n')
    (tmp_path / "silent.py").write_text("def main(pc, params): ...\ndef other(): 'Says.'\n")
    (tmp_path / "broken.py").write_text("def main(:\n")
    for hidden in ("__init__.py", "_private.py", ".hidden.py", "notes.txt", "name.old.py", "con vert.py"):
        (tmp_path / hidden).write_text("def main(): 'x'\n")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "__pycache__").mkdir()
    return ProcessCatalog(tmp_path)


def test_names_are_sorted_and_init_is_none_of_them(catalog):
    assert catalog.names() == ["broken", "by-file", "convert_file", "silent"]


def test_a_missing_folder_has_no_processes(tmp_path):
    catalog = ProcessCatalog(tmp_path / "nowhere")
    assert catalog.names() == []
    with pytest.raises(UnknownProcess, match=r"Processes: none in .*nowhere"):
        catalog.path("convert_file")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope",
        "__init__",
        "_private",
        ".hidden",
        "../convert_file",
        "a/b",
        "..",
        "con\0vert",
        "folder",
        "x" * 5000,
        "\ud800",
    ],
)
def test_an_unknown_process_names_those_there_are(catalog, name):
    with pytest.raises(
        UnknownProcess, match=r"There is no process .* Processes: broken, by-file, convert_file, silent\."
    ):
        catalog.path(name)


def test_the_documentation_is_the_entry_points_else_the_files(catalog):
    assert catalog.doc("convert_file") == "Convert a file."
    assert catalog.doc("by-file") == "The file speaks."
    assert catalog.doc("silent", entrypoint="other") == "Says."


def test_a_process_without_docstring_is_told_so_and_not_none(catalog):
    with pytest.raises(ProcessUndocumented, match=r"The process 'silent' has no docstring"):
        catalog.doc("silent")


def test_a_broken_process_names_its_line(catalog):
    with pytest.raises(InvalidScript, match=r"broken\.py, line 1"):
        catalog.doc("broken")


def test_an_outline_is_read_again_only_when_the_file_changes(catalog):
    first = catalog.outline("convert_file")
    assert catalog.outline("convert_file") is first
    path = catalog.path("convert_file")
    path.write_text("def main(pc, params):\n    'Now better.'\n")
    os.utime(path, ns=(1, 1))
    assert catalog.doc("convert_file") == "Now better."
