"""outline_of: a script that came before is not read again, and nothing else is taken for it."""

import pytest

from pixyz_scheduler.catalog.known_outlines import outline_of
from pixyz_scheduler.errors import InvalidScript

SCRIPT = b"def main(pc, params):\n    pass\n"


def test_the_same_script_is_read_once():
    assert outline_of(SCRIPT, filename="a.py") is outline_of(bytes(bytearray(SCRIPT)), filename="a.py")


def test_the_same_text_of_another_name_is_told_by_its_own():
    assert outline_of(SCRIPT, filename="a.py").filename == "a.py"
    assert outline_of(SCRIPT, filename="b.py").filename == "b.py"


def test_another_text_of_the_same_name_is_another_script():
    outline_of(SCRIPT, filename="a.py")
    assert set(outline_of(b"def other(): pass\n", filename="a.py").functions) == {"other"}


def test_a_script_that_is_refused_is_refused_each_time():
    for _ in range(2):
        with pytest.raises(InvalidScript, match=r"a\.py, line 1"):
            outline_of(b"def main(:\n", filename="a.py")


def test_a_large_script_is_not_kept():
    large = SCRIPT + b"#" * (64 << 10)
    assert outline_of(large, filename="a.py") == outline_of(large, filename="a.py")
    assert outline_of(large, filename="a.py") is not outline_of(large, filename="a.py")
