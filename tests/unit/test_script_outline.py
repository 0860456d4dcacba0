"""Scripts are read from their text alone."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixyz_scheduler.catalog.outline import MAX_SCRIPT_BYTES, ScriptOutline
from pixyz_scheduler.errors import InvalidScript


def outline(source):
    return ScriptOutline.parse(source.encode() if isinstance(source, str) else source, filename="user.py")


def test_functions_docstrings_and_parameters_are_read():
    script = outline('''"""A script."""
def main(pc: ProgramContext, params: dict = {}, *rest, deep=-1, **more):
    """Do it.

    With care.
    """
async def later(pc, /): ...
''')
    main = script.entrypoint()
    assert script.doc == "A script."
    assert main.doc == "Do it.\n\nWith care."
    assert main.line == 2
    assert [(p.name, p.annotation, p.default) for p in main.parameters] == [
        ("pc", "ProgramContext", None),
        ("params", "dict", "{}"),
        ("*rest", None, None),
        ("deep", None, "-1"),
        ("**more", None, None),
    ]
    assert main.schedule is None
    assert script.entrypoint("later").is_async


def test_nothing_of_the_script_runs(tmp_path):
    trace = tmp_path / "ran"
    outline(f"open({str(trace)!r}, 'w')\nimport sys; sys.exit(3)\ndef main(pc, params): ...\n")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("decorators", "schedule"),
    [
        ("@pixyz_schedule(queue='gpu', timeout=3600)", {"queue": "gpu", "timeout": 3600}),
        ("@pixyz_schedule(timeout=-1, wait=True, name=None)", {"timeout": -1, "wait": True, "name": None}),
        ("@pixyz_schedule", {}),
        ("@pixyz_schedule()", {}),
        ("@script.pixyz_schedule(queue='gpu')", {"queue": "gpu"}),
        ("@pixyz_worker.script.pixyz_schedule", {}),
        ("@planned(queue='gpu')", {"queue": "gpu"}),
        ("@functools.cache\n@pixyz_schedule(queue='a')\n@other(queue='b')", {"queue": "a"}),
        ("@staticmethod", None),
        ("@other.decorator(queue='gpu')", None),
        ("@table[0]", None),
    ],
)
def test_only_the_keyword_constants_of_pixyz_schedule_count(decorators, schedule):
    script = outline(
        f"from pixyz_worker.script import pixyz_schedule as planned\n{decorators}\ndef main(pc, params): ...\n"
    )
    assert script.entrypoint().schedule == schedule
    assert script.warnings == ()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("queue=QUEUE", "`queue=QUEUE`"),
        ("timeout=60 * 60", "`timeout=60 * 60`"),
        ("True", "a positional argument"),
        ("**OPTIONS", "`**` arguments"),
    ],
)
def test_arguments_known_only_at_run_time_are_left_out_with_a_warning(arguments, told):
    script = outline(f"\n@pixyz_schedule({arguments})\ndef main(pc, params): ...\n")
    assert script.entrypoint().schedule == {}
    (warning,) = script.warnings
    assert "user.py, line 2" in warning
    assert told in warning


def test_an_unknown_entry_point_names_those_there_are():
    with pytest.raises(InvalidScript, match=r"user.py has no function 'start' .*: convert, main\.$"):
        outline("def main(): ...\ndef convert(): ...\nclass start: ...\n").entrypoint("start")
    with pytest.raises(InvalidScript, match=r"Functions there: none\.$"):
        outline("x = 1").entrypoint()


def test_functions_inside_others_are_not_at_the_top_level_and_those_under_try_are():
    script = outline("""
class A:
    def method(self): ...
def main():
    def inner(): ...
try:
    def tried(): ...
except ImportError:
    def handled(): ...
if True:
    def one(): ...
else:
    def other(): ...
if __name__ == "__main__":
    def only_by_hand(): ...
""")
    assert sorted(script.functions) == ["handled", "main", "one", "other", "tried"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"x = 1\ndef main(:\n", r"user.py, line 2: .*: `def main\(:`"),
        (b"def main():\n    x = (1,\n", r"user.py, line 2: .*never closed"),
        (b"if 1:\nx = 1\n", r"user.py, line 2: expected an indented block"),
        (b"return 1\n", r"user.py, line 1: 'return' outside function"),
        (b"x = 1\ny = '\xe9'\n", r"user.py, line 2: byte 0xe9 is not utf-8 text"),
        (b"x = 1\n\n\n\ny = '\xe9'\n", r"user.py, line 5: byte 0xe9 is not utf-8 text"),
        (b"# coding: ascii\ny = '\xc3\xa9'\n", r"user.py, line 2: byte 0xc3 is not ascii text"),
        (b"# coding: klingon\n", r"user.py: unknown encoding: klingon"),
        (b"\xef\xbb\xbf# coding: latin-1\n", r"user.py: encoding problem"),
        ("x = 1".encode("utf-16"), r"user.py is UTF-16 text; save it as UTF-8"),
        (b"x = 1\nglTF\x02\0\0\0", r"user.py, line 2: a NUL byte. This is a binary file"),
        (b"\x7fELF\x02\x01\x01\0\0", r"user.py, line 1: a NUL byte"),
        (b"\x93\xff\xd8 PNG", r"user.py, line 1: byte 0x93 is not utf-8"),
        (b"-" * 100_000 + b"1", r"nested too deeply"),
        (b"a" + b".b" * 100_000, r"nested too deeply"),
        (b"not " * 50_000 + b"1", r"nested too deeply"),
        (b"(" * 300, r"too many nested parentheses"),
        (b"x = " + b"1" * 5000, r"user.py.*Exceeds the limit"),
        (b"#" * (MAX_SCRIPT_BYTES + 1), r"user.py has 1048577 bytes; a script has at most 1048576"),
    ],
    ids=lambda value: value[:24].hex() if isinstance(value, bytes) else None,
)
def test_what_is_no_script_is_refused_with_line_and_text(source, error):
    with pytest.raises(InvalidScript, match=error):
        outline(source)


@pytest.mark.parametrize(
    "source",
    [
        "\ufeffdef main(): 'Grüße'\n".encode(),
        "# -*- coding: latin-1 -*-\ndef main(): 'Grüße'\n".encode("latin-1"),
        "#!/usr/bin/env python3\n# coding=cp1252\ndef main(): 'Grüße'\n".encode("cp1252"),
        "def main(): 'Grüße'\n".replace("\n", "\r\n").encode(),
    ],
)
def test_encodings_and_line_ends_are_honoured(source):
    assert outline(source).entrypoint().doc == "Grüße"


def test_an_odd_escape_is_no_warning_of_ours():
    assert outline(r"def main(): return '\d'").entrypoint().name == "main"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_outline_or_an_invalid_script(source):
    # Any other error fails the test.
    with suppress(InvalidScript):
        outline(source)
