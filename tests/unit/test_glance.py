"""What one reading of a script tells, without parsing it."""

import os

import pytest

from pixyz_scheduler.catalog.glance import Glance, glance, is_plain

PLAIN = [
    "def main(pc, params):\n    pass\n",
    "import json\nimport os, sys\nfrom pathlib import Path\n",
    "from pixyz_worker.script import *\nfrom pixyz_worker.tasks import pixyz_execute\n",
    "from __future__ import annotations\nimport xml.etree.ElementTree as tree, time\n",
    "from pixyz_scheduler.errors import InvalidParams\nfrom pixyz_scheduler.script.parameters import Parameters\n",
    "import os; import json\n",
    "import json  # trimesh is not needed\n",
    "",
]
NOT_PLAIN = [
    "import trimesh\n",
    "import pxz\n",
    "import json, numpy as np\n",
    "import json;import OCP\n",
    "def main(pc, params):\n    from pxr import Usd\n",
    "if True: import trimesh\n",
    "\timport scipy.sparse\n",
    "from pixyz_scheduler.engine.select import find_engine\n",
    "from pixyz_scheduler import engine\n",
    "import pixyz_scheduler\n",
    "from .helper import read\n",
    "from . import helper\n",
    "import helper\n",
    "__import__('trimesh')\n",
    "from importlib import import_module\n",
    "import os, \\\n    trimesh\n",
    "from \\\n    trimesh import load\n",
    "exec('import trimesh')\n",
]


@pytest.mark.parametrize("text", PLAIN)
def test_what_imports_only_python_and_ours_is_plain(text):
    assert is_plain(text)


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_may_want_the_engine_is_not(text):
    assert not is_plain(text)


def test_the_text_comes_with_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_bytes("# é\r\nimport json\r\n".encode())
    assert glance(script) == Glance("# é\r\nimport json\r\n", is_plain=True)


@pytest.mark.parametrize("content", [b"# \xe9\n", b"#" * (64 * 1024 + 1)])
def test_who_runs_it_reads_what_is_no_utf_8_or_is_long(tmp_path, content):
    script = tmp_path / "script.py"
    script.write_bytes(content)
    assert glance(script) == Glance(None, is_plain=False)


def test_what_is_no_file_is_left_to_who_runs_it_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("missing.py", "pipe.py", "."):
        assert glance(tmp_path / name) == Glance(None, is_plain=False)
