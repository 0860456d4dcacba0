"""The page of traps: every test that it names exists, and every line names one."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "traps.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
TRAPS = [row for row in ROWS if not row.startswith("| the trap |")]
NODES = sorted(set(re.findall(r"`(tests/[^`]+)`", "\n".join(TRAPS))))


@cache
def functions(file):
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_page_has_traps():
    assert len(TRAPS) > 40


@pytest.mark.parametrize("row", TRAPS)
def test_every_trap_has_an_answer_and_a_test(row):
    trap, answer, tests = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert trap
    assert answer
    assert re.fullmatch(r"(`tests/[\w/]+\.py::test_\w+` ?)+", tests)


@pytest.mark.parametrize("node", NODES)
def test_every_named_test_is_there(node):
    file, _, name = node.partition("::")
    assert name in functions(file)
