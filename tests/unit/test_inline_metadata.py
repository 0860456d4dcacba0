"""What a script says it needs (PEP 723)."""

import pytest

from pixyz_scheduler.catalog.inline_metadata import NOTHING, Needs, needs_of
from pixyz_scheduler.errors import InvalidScript


def block(*lines, before="", kind="script"):
    return "\n".join(
        [before, f"# /// {kind}", *(f"# {line}".rstrip() for line in lines), "# ///", "import os"]
    ).encode()


def needs(source):
    return needs_of(source, filename="job.py")


def test_a_script_without_a_block_needs_nothing():
    assert needs(b"def main(): pass\n") is NOTHING


def test_packages_are_normalised_sorted_and_each_once():
    source = block('dependencies = ["Rich>=13, <15", "rich <15,>=13", "numpy", "a_b[x]; python_version > \'3\'"]')
    assert needs(source).dependencies == (
        'a-b[x]; python_version > "3"',
        "numpy",
        "rich<15,>=13",
    )


def test_a_block_of_several_lines_is_read_whatever_the_ends_of_lines():
    source = block('requires-python = ">=3.9"', "dependencies = [", '  "rich",', "", "]").replace(b"\n", b"\r\n")
    assert needs(source) == Needs(("rich",), ">=3.9")


def test_the_content_may_hold_what_looks_like_an_end():
    source = b'# /// script\n# dependencies = ["a"]\n# x = """\n# ///\n# """\n# ///\n'
    assert needs(source).dependencies == ("a",)


@pytest.mark.parametrize(
    "source",
    [
        b"# /// script\n# dependencies = ['a']\n",  # never ends
        b"# /// script\n#dependencies = ['a']\n# ///\n",  # a comment begins with a blank
        b"    # /// script\n    # dependencies = ['a']\n    # ///\n",
        block('dependencies = ["a"]', kind="pyproject"),
    ],
)
def test_what_is_no_block_by_the_rules_is_none(source):
    assert needs(source) is NOTHING


def test_what_does_not_count_is_told():
    found = needs(block('dependencies = ["a"]', "[tool.uv]", "exclude-newer = 2024-01-01"))
    assert found.dependencies == ("a",)
    assert found.warnings == ("job.py, line 2: tool of the block `# /// script` is not looked at.",)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (block("dependencies = ["), "job.py, line 2: the block `# /// script` is not TOML"),
        (block('dependencies = "a"'), "dependencies must be a list of texts"),
        (block("dependencies = [1]"), "dependencies must be a list of texts"),
        (block('dependencies = ["-r /etc/passwd"]'), "which is no package"),
        (block('dependencies = ["./here"]'), "which is no package"),
        (block('requires-python = "new"'), "requires-python is 'new'"),
        (block("requires-python = 3"), "requires-python is 3"),
        (block("", before=block("").decode()), "line 6: a script has one block"),
    ],
)
def test_a_block_that_cannot_be_read_names_the_line_and_what_is_wrong(source, said):
    with pytest.raises(InvalidScript) as raised:
        needs(source)
    assert said in str(raised.value)
