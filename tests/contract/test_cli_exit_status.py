"""The exit statuses that users' shell scripts branch on."""

import pytest

from tests.fakes.command_line import run
from tests.fakes.scheduler_api import fake_scheduler, state


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


@pytest.mark.parametrize(
    ("status", "expected"), [("SUCCESS", 0), ("FAILURE", 10), ("REVOKED", 11), ("REJECTED", 16), ("UNKNOWN", 17)]
)
def test_a_wait_ends_with_the_status_of_the_end(server, status, expected):
    job = server.job((state("RUNNING", 10), state(status)))
    assert run(server, "status", "-j", job.uuid, "-w").returncode == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("RETRY", 12),
        ("PENDING", 13),
        ("SENT", 13),
        ("STARTED", 14),
        ("RUNNING", 14),
        ("RECEIVED", 15),
        ("DREAMING", 17),
    ],
)
def test_a_wait_that_is_over_before_the_job_ends_with_where_it_stands(server, status, expected):
    job = server.job((state(status),))
    done = run(server, "status", "-j", job.uuid, "-w", "--timeout", "0.01")
    assert done.returncode == expected
    assert f"is still {status} after 0.01 s" in done.stderr


def test_without_a_wait_the_status_of_the_job_is_no_exit_status(server):
    job = server.job((state("FAILURE"),))
    assert run(server, "status", "-j", job.uuid).returncode == 0
    server.plan = (state("FAILURE"),)
    assert run(server, "process", "-n", "sleep").returncode == 0


@pytest.mark.parametrize(
    "command",
    [("convert", "wheel.glb"), ("thumbnails", "pictures"), ("metadata", "wheel.json")],
    ids=lambda each: each[0],
)
def test_a_conversion_that_fails_says_so_and_leaves_no_file(server, tmp_path, command):
    (tmp_path / "wheel.step").write_text("no step at all")
    reason = "CorruptFile: wheel.step is no STEP file"
    traceback = f'Traceback\n  File "convert_file.py", line 50\npixyz_scheduler.errors.{reason}\n'
    server.plan = (state("FAILURE", error=traceback, reason=reason),)
    done = run(server, command[0], "-i", "wheel.step", "-o", command[1], cwd=tmp_path)
    assert done.returncode == 10
    assert f"\nError: {reason}\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wheel.step"]


def test_a_success_that_made_nothing_fits_no_convert(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.outputs = {"log.txt": b""}
    done = run(server, "convert", "-i", "wheel.step", "-o", "wheel.usdz", cwd=tmp_path)
    assert done.returncode == 1
    assert "made no .usdz file; it made log.txt" in done.stderr
