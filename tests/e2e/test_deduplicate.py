"""An input is kept once for all jobs that ask, through client, API and worker."""

import json
import os

import pytest

SCRIPT = """
import hashlib
from pathlib import Path

def main(pc, params):
    data = Path(pc.get_input_file()).read_bytes()
    Path(pc.get_output_dir("digest.txt")).write_text(hashlib.sha256(data).hexdigest())
    return len(data)
"""
SIZE = 2 << 20


@pytest.fixture
def job_of(api, cli, tmp_path):
    """Run a job on the input; its details."""
    script, model = tmp_path / "digest.py", tmp_path / "part.step"
    script.write_text(SCRIPT)
    model.write_bytes(os.urandom(SIZE))

    def run(*more):
        uuid = cli("exec", "-s", script, "-i", model, "-wb", *more).stdout.strip()
        return api.get(f"/jobs/{uuid}/details").json()

    return run


def test_two_jobs_share_an_input_and_a_third_that_does_not_ask_has_its_own(api, stack, job_of):
    jobs = [job_of("--deduplicate"), job_of("--deduplicate"), job_of()]
    assert [(job["status"], job["result"], job["deduplicate"]) for job in jobs] == [
        ("SUCCESS", SIZE, True),
        ("SUCCESS", SIZE, True),
        ("SUCCESS", SIZE, False),
    ]
    places = [stack.share / job["uuid"] / "inputs" / "part.step" for job in jobs]
    first, second, third = (place.stat() for place in places)
    assert (first.st_ino, first.st_nlink) == (second.st_ino, 3)
    assert (third.st_ino == first.st_ino, third.st_nlink) == (False, 1)
    assert api.delete(f"/jobs/{jobs[0]['uuid']}").status_code == 204
    assert (places[1].stat().st_nlink, places[1].read_bytes() == places[2].read_bytes()) == (2, True)


def test_cache_and_retry_work_on_a_shared_input(api, cli, job_of):
    first, second = job_of("--deduplicate", "--cache"), job_of("--deduplicate", "--cache")
    assert (second["status"], second["cached_from"]) == ("SUCCESS", first["uuid"])
    assert job_of("--cache")["cached_from"] == first["uuid"]
    assert api.post(f"/jobs/{second['uuid']}/retry").status_code == 200
    cli("status", "-j", second["uuid"], "-w")
    again = api.get(f"/jobs/{second['uuid']}/details").json()
    assert (again["status"], again["result"], again["cached_from"]) == ("SUCCESS", SIZE, None)


def test_a_batch_sends_equal_files_to_one_place(cli, stack, tmp_path):
    folder, data = tmp_path / "parts", os.urandom(SIZE)
    folder.mkdir()
    for name in ("a.bin", "b.bin"):
        (folder / name).write_bytes(data)
    script = tmp_path / "digest.py"
    script.write_text(SCRIPT)
    lines = cli(
        *("batch", folder / "*.bin", "-s", script, "-o", tmp_path / "out"),
        *("--concurrency", "1", "--deduplicate", "--json"),
    ).stdout.splitlines()
    ends = [json.loads(line) for line in lines]
    inputs = [path for end in ends if "uuid" in end for path in (stack.share / end["uuid"] / "inputs").glob("*.bin")]
    assert len(inputs) == 2
    assert len({path.stat().st_ino for path in inputs}) == 1
