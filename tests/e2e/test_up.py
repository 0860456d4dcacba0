"""`up`, `run` and the demo, as a user starts and ends them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from pixyz_scheduler.cli.server import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "DATA_PATH": str(tmp_path / "data"),
        "SHARE_PATH": str(tmp_path / "share"),
        "API_PORT": str(free_port()),
        "API_HOST": "127.0.0.1",
        "ENGINE": "none",
        "DRAIN_TIMEOUT": "3",
        # The workers of `up` stay all the same: nobody would start them again.
        "IDLE_TIMEOUT": "0.2",
        "PROCESS_PATH": str(ROOT / "processes"),
    }
    for name in ("PIXYZ_URL", "PIXYZ_TOKEN"):
        environment.pop(name, None)
    return environment


@pytest.fixture
def start_up():
    """Starts `up`, and ends it should the test not come to that."""
    started = []

    def start(environment, cwd):
        process, said = _started(environment, cwd)
        started.append(process)
        return process, said

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()


def _started(environment, cwd):
    process = subprocess.Popen(
        [sys.executable, "-m", "pixyz_scheduler", "up"],
        env=environment,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("End:"):
            return process, said
    raise AssertionError(said)


def end(process):
    tree = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    with process.stdout:
        rest = process.stdout.read()
    assert process.wait(timeout=60) == 0, rest
    assert not psutil.wait_procs(tree, timeout=5)[1]
    return rest


def test_up_shows_a_key_once_and_goes_on_where_it_was(home, tmp_path, start_up):
    url = f"http://127.0.0.1:{home['API_PORT']}"
    process, said = start_up(home, tmp_path)
    key = re.search(r"Your API key: +(\S+)", said)[1]
    headers = {"x-api-key": key}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        assert client.get("/jobs", headers={"x-api-key": "wrong"}).status_code == 401
        accepted = client.post("/jobs", data={"process": "sleep", "params": '{"sleep": 600}'})
        assert accepted.status_code == 200, accepted.text
        long = accepted.json()["uuid"]
        waiting = client.post("/jobs", data={"process": "api_test"}).json()["uuid"]
    rest = end(process)
    assert "Traceback" not in said + rest
    assert key not in (tmp_path / "data" / "api-key.sha256").read_text()

    process, said = start_up(home, tmp_path)
    assert "Your API key" not in said
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        client.post(f"/jobs/{long}/cancel").raise_for_status()
        while (state := client.get(f"/jobs/{waiting}").json())["status"] not in ("SUCCESS", "FAILURE"):
            pass
        assert state["status"] == "SUCCESS"
    end(process)


def test_a_worker_beside_up_works_on_its_store_and_so_does_reconcile(home, tmp_path, start_up):
    (tmp_path / "pixyz-scheduler.conf").write_text("COLOUR=blue\n")
    process, said = start_up(home, tmp_path)
    headers = {"x-api-key": re.search(r"Your API key: +(\S+)", said)[1]}
    command = [sys.executable, "-m", "pixyz_scheduler"]
    stays = {**home, "QUEUE_NAME": "wine", "IDLE_TIMEOUT": ""}
    with subprocess.Popen([*command, "worker"], env=stays, cwd=tmp_path) as worker:
        with httpx.Client(base_url=f"http://127.0.0.1:{home['API_PORT']}", headers=headers, timeout=30) as client:
            asked = {"process": "api_test", "config": '{"queue": "wine"}'}
            job = client.post("/jobs", data=asked).json()["uuid"]
            while client.get(f"/jobs/{job}").json()["status"] not in ("SUCCESS", "FAILURE"):
                assert worker.poll() is None
            assert client.get(f"/jobs/{job}").json()["status"] == "SUCCESS"
        worker.terminate()
    assert worker.returncode == 0
    done = subprocess.run(
        [*command, "admin", "reconcile"],
        env=home,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (said + end(process)).count("COLOUR in ") == 1  # not by each member again


def test_the_second_ctrl_c_ends_at_once_and_the_job_goes_on_at_the_next_start(home, tmp_path, start_up):
    home["DRAIN_TIMEOUT"] = "170"  # longer than a test may take
    url = f"http://127.0.0.1:{home['API_PORT']}"
    process, said = start_up(home, tmp_path)
    tree = psutil.Process(process.pid).children(recursive=True)
    headers = {"x-api-key": re.search(r"Your API key: +(\S+)", said)[1]}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        job = client.post("/jobs", data={"process": "sleep", "params": '{"sleep": 600}'}).json()["uuid"]
        while client.get(f"/jobs/{job}").json()["status"] not in ("STARTED", "RUNNING"):
            pass
    process.send_signal(signal.SIGINT)
    for line in process.stdout:
        if "Ctrl-C again" in line:
            break
    process.send_signal(signal.SIGINT)
    with process.stdout:
        assert "Ended at once" in process.stdout.read()
    assert process.wait(timeout=60) == 0
    # Without its store a worker may not get through its own good order: then its lifeline ends it, after a minute.
    assert not psutil.wait_procs(tree, timeout=90)[1]

    process, said = start_up(home, tmp_path)
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        assert client.get(f"/jobs/{job}").json()["status"] not in ("SUCCESS", "FAILURE")
        client.post(f"/jobs/{job}/cancel").raise_for_status()
    end(process)


def test_a_port_that_is_taken_is_said_before_anything_starts(home, tmp_path):
    with httpx.Client():
        import socket

        with socket.create_server(("127.0.0.1", int(home["API_PORT"]))):
            done = subprocess.run(
                [sys.executable, "-m", "pixyz_scheduler", "up"],
                env=home,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
    assert done.returncode == 1
    assert f"port {home['API_PORT']}" in done.stderr
    assert not (tmp_path / "share").exists()


def test_members_end_when_their_launcher_is_killed(home, tmp_path, start_up):
    process, _ = start_up(home, tmp_path)
    tree = psutil.Process(process.pid).children(recursive=True)
    assert len(tree) > 3
    process.kill()
    process.wait()
    process.stdout.close()
    # Without its store a worker may not get through its own good order: then its lifeline ends it, after a minute.
    assert not psutil.wait_procs(tree, timeout=90)[1]


def test_run_makes_a_scheduler_for_one_job_and_leaves_nothing(home, tmp_path):
    script = tmp_path / "hello.py"
    script.write_text(
        "def main(pc, params):\n    open(pc.get_output_dir('a.txt'), 'w').write('hi')\n    return params\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", "run", str(script), "-p", '{"a": 1}', "-o", "out"],
        env=home,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.txt").read_text() == "hi"
    assert '{"a": 1}' in done.stdout.replace("\n", "").replace("  ", "")


def test_the_demo_converts_the_samples_and_leaves_no_process(home, tmp_path):
    """All it starts works below TMPDIR, which marks it among others that run on this machine."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo")],
        env={**home, "ENGINE": "auto", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("box.step/output.glb", "gearbox.step/iso.png", "gearbox.step/metadata.json"):
        assert (ROOT / "demo-output" / name).stat().st_size > 0
    assert not [process for process in psutil.process_iter() if _temp_of(process) == str(tmp_path)]


def _temp_of(process):
    try:
        return process.environ().get("TMPDIR")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def test_run_ends_with_the_log_when_its_workers_cannot_live(home, tmp_path):
    """They die at each start: here by a package that only their template imports."""
    broken = tmp_path / "broken" / "pixyz_worker"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('this machine lacks a leg')\n")
    (tmp_path / "a.py").write_text("def main(pc, params): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", "run", "a.py"],
        env={**home, "PYTHONPATH": f"{broken.parent}{os.pathsep}{home['PYTHONPATH']}", "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 143, done.stderr
    assert "this machine lacks a leg" in done.stderr
    assert "dies at each start" in done.stderr
    assert not list(tmp_path.glob("pixyz-run-*"))
