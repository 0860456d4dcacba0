"""The scripts and the shapes of docs/how-to/workflows.md do what the page says."""

import json
import re
import subprocess
import sys

import pytest

from tests.component.test_examples_local import ENVIRONMENT, ROOT

PAGE = (ROOT / "docs" / "how-to" / "workflows.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TABLE = PAGE.partition("## The shapes")[2].partition("## Wait for it")[0]
SHAPES = [code for code in re.findall(r"`([^`]+)`", TABLE) if code.endswith(")") and ".si(" not in code]
AT_THE_END = '\n\nif __name__ == "__main__":\n    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main")\n'


def ran(source, folder):
    script = folder / "shapes.py"
    script.write_text(source if "from_commandline" in source else source + AT_THE_END)
    ended = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_scripts_of_the_page_run(tmp_path):
    assert [ran(source, tmp_path) for source in SCRIPTS] == [14, {"prepared": True, "drawn": True}]


@pytest.mark.parametrize("shape", [code for code in SHAPES if "step(" in code and code != "step(name)"])
def test_each_shape_of_the_table_runs(tmp_path, shape):
    source = SCRIPTS[0].replace("    square = pc.clone()", "    return shape(pc)\n    square = pc.clone()")
    step = "def shape(pc):\n    step = lambda name: pc.clone().update(entrypoint=name, raw=True, compute_only=True)\n"
    result = ran(source.replace("def square", f"{step}    return {shape}\n\n\ndef square"), tmp_path)
    assert result == expected(shape)


def expected(shape):
    squares = [number * number for number in range(9)]
    if shape.startswith("group"):
        return squares
    if shape.startswith("chord"):
        return sum(squares)
    if "chunks" in shape:
        return [squares[:3], squares[3:6], squares[6:]]
    return 1
