"""pixyz-scheduler.conf: what a line may look like, and values that all its readers read the same."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.written import written


def read(folder, text, **environ):
    path = folder / conf_file.NAME
    path.write_bytes(text.encode())
    content = conf_file.read(path, environ=environ)
    assert content.problems == ()
    return [(line.name, line.value, int(line.where.rpartition(" ")[2])) for line in content.lines]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\n", [("A", "1", 1)]),
        ("A=1", [("A", "1", 1)]),
        ("\ufeffA=1\n", [("A", "1", 1)]),
        ("A=1\r\nB=2\r\n", [("A", "1", 1), ("B", "2", 2)]),
        ("# c\n\n\nA=1\n", [("A", "1", 4)]),
        ("export A=1\n", [("A", "1", 1)]),
        ("export  A = 1 \n", [("A", "1", 1)]),
        ("  A=1\n", [("A", "1", 1)]),
        ("A = 1\n", [("A", "1", 1)]),
        ("A=1 2\n", [("A", "1 2", 1)]),
        ("A='1 2 '\n", [("A", "1 2 ", 1)]),
        ('A="1 2"\n', [("A", "1 2", 1)]),
        ('A="it\'s"\n', [("A", "it's", 1)]),
        ("A=1 # c\n", [("A", "1", 1)]),
        ("A='#1' # c\n", [("A", "#1", 1)]),
        ("A=a#b\n", [("A", "a#b", 1)]),
        ("a=1\n", [("A", "1", 1)]),
        ("A=\n", [("A", "", 1)]),
        ("A=1\nB=2\nA=3\n", [("A", "1", 1), ("B", "2", 2), ("A", "3", 3)]),
        ("A=1\nB=${A}/x\n", [("A", "1", 1), ("B", "1/x", 2)]),
        ("A=${NOWHERE:-x}\n", [("A", "x", 1)]),
        ("A=$HOME\n", [("A", "$HOME", 1)]),
        ("", []),
        ("# nothing\r\n", []),
    ],
)
def test_a_line_is_read_as_users_write_it(tmp_path, text, found):
    assert read(tmp_path, text) == found


@pytest.mark.parametrize("text", ["A\n", "A: 1\n", "A='1\n", "= 1\n", "A B=1\n"])
def test_a_line_that_is_none_is_told_and_the_next_is_read(tmp_path, text):
    path = tmp_path / conf_file.NAME
    path.write_text(f"{text}Z=1\n")
    content = conf_file.read(path, environ={})
    assert content.problems == (f"{path}, line 1 is not NAME=value (quotes that never close count too).",)
    assert [(line.name, line.value) for line in content.lines] == [("Z", "1")]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", "A="),
        ("/mnt/share", "A=/mnt/share"),
        ("cpu,gpu", "A=cpu,gpu"),
        ("redis://:x@h:1/0", "A=redis://:x@h:1/0"),
        ("two words", "A='two words'"),
        ('$x#y`z"', "A='$x#y`z\"'"),
    ],
)
def test_a_value_has_quotes_where_it_needs_them(value, line):
    assert written("A", value) == line


@pytest.mark.parametrize("value", ["it's", "a\\b", "${HOME}", "a\nb", "a\rb", "\0", " a", "a "])
def test_a_value_that_its_readers_would_read_differently_is_refused(value):
    with pytest.raises(SettingsError, match="A cannot stand in the file"):
        written("A", value)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30))
def test_what_is_written_is_read_again_by_us_and_by_a_shell(tmp_path_factory, value):
    try:
        line = written("PIXYZ_TEST", value)
    except SettingsError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert [value for _, value, _ in read(folder, f"{line}\n")] == [value]
    if value.startswith("~") or ":~" in value:  # a shell's own
        return
    script = f'{line}\nprintf %s. "$PIXYZ_TEST"'
    said = subprocess.run([shutil.which("sh"), "-c", script], capture_output=True, check=True, encoding="utf-8")
    assert said.stdout == f"{value}."
