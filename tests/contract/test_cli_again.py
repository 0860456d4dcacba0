"""Commands that are interrupted and given again, that wait for several jobs, that meet an outage."""

import json
import signal
import subprocess

import pytest

from tests.contract.test_cli_terminal import plain
from tests.fakes.command_line import COMMAND, environment, on_terminal, run
from tests.fakes.scheduler_api import KEY, fake_scheduler, state

GONE = "123e4567-e89b-12d3-a456-426614174000"
CONVERSIONS = {"convert": "wheel.glb", "thumbnails": "pictures", "metadata": "wheel.json"}
OUTPUTS = {"result.glb": b"glTF", "metadata.json": b"{}"}


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        scheduler.outputs = OUTPUTS
        yield scheduler


@pytest.fixture
def wheel(tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    return tmp_path


def arguments(command):
    return [command, "-i", "wheel.step", "-o", f"out/{CONVERSIONS[command]}"]


def interrupt(server, cwd, command, how):
    """Start it, and end it once its job runs."""
    server.plan = (state("RUNNING", 10),)
    process = subprocess.Popen(
        [*COMMAND, *arguments(command)],
        env=environment(PIXYZ_URL=server.url, PIXYZ_TOKEN=KEY),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (server.jobs and server.submitted().looks > 1):
        pass  # pytest-timeout ends it
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("command", CONVERSIONS)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_conversion_that_was_interrupted_is_taken_up_by_the_same_command(server, wheel, command, how):
    status, said = interrupt(server, wheel, command, how)
    job = server.submitted()
    if how == signal.SIGINT:
        goes_on = "The job goes on. Follow it: the same command again takes it up"
        assert said.splitlines()[-1] == f"{goes_on}; end it: pixyz-scheduler cancel -j {job.uuid}"
        assert status == 130
    server.plan = job.plan = (state("SUCCESS", 100),)
    done = run(server, *arguments(command), cwd=wheel)
    assert done.returncode == 0
    assert done.stderr.startswith(f"Going on with job {job.uuid}, which an interrupted command has sent.\n")
    assert len(server.jobs) == 1
    assert [path.name for path in (wheel / "out").iterdir()] == [CONVERSIONS[command]]
    assert run(server, *arguments(command), cwd=wheel).returncode == 0
    assert len(server.jobs) == 2


@pytest.mark.parametrize("what", ["another input", "another output", "a failure meanwhile", "the job is gone"])
def test_what_is_not_the_same_is_sent_anew(server, wheel, what):
    interrupt(server, wheel, "convert", signal.SIGKILL)
    job = server.submitted()
    server.plan = job.plan = (state("SUCCESS", 100),)
    more = []
    match what:
        case "another input":
            (wheel / "wheel.step").write_text("another")
        case "another output":
            more = ["-o", "out/other.glb"]
        case "a failure meanwhile":
            job.plan = (state("FAILURE", error="no"),)
        case "the job is gone":
            del server.jobs[job.uuid]
    done = run(server, *arguments("convert"), *more, cwd=wheel)
    assert (done.returncode, "Going on" in done.stderr) == (0, False)
    assert server.submitted() is not job


def test_a_conversion_that_fails_leaves_neither_note_nor_folder(server, wheel):
    server.plan = (state("FAILURE", error="no"),)
    assert run(server, *arguments("convert"), cwd=wheel).returncode == 10
    assert [path.name for path in wheel.iterdir()] == ["wheel.step"]


def test_a_place_that_cannot_be_written_is_said_before_anything_is_sent(server, wheel):
    (wheel / "out").write_text("a file")
    done = run(server, *arguments("convert"), cwd=wheel)
    assert (done.returncode, server.jobs) == (1, {})
    assert "Cannot write out/wheel.glb: " in done.stderr


@pytest.mark.parametrize("command", CONVERSIONS)
def test_a_conversion_speaks_json(server, wheel, command):
    server.plan = (state("SUCCESS", 100, result={"warnings": ["lost"]}),)
    done = run(server, *arguments(command), "--json", cwd=wheel)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (told["uuid"], told["status"], told["warnings"]) == (server.submitted().uuid, "SUCCESS", ["lost"])
    assert told["files"]
    server.plan = (state("FAILURE", error="no"),)
    done = run(server, *arguments(command), "--json", cwd=wheel)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["status"], told["error"], told["files"]) == (10, "", "FAILURE", "no", [])


def test_transfers_and_deletions_speak_json(server, tmp_path):
    job = server.job((state("SUCCESS"),)).uuid
    done = run(server, "download", "-j", job, "-f", "result.glb", "-o", "a.glb", "--json", cwd=tmp_path)
    assert (json.loads(done.stdout), done.stderr) == ({"uuid": job, "files": ["a.glb"]}, "")
    server.archive_early = 0
    done = run(server, "download_all", "-j", job, "-o", "a.zip", "--json", cwd=tmp_path)
    assert (json.loads(done.stdout), done.stderr) == ({"uuid": job, "files": ["a.zip"]}, "")
    assert json.loads(run(server, "delete", "-j", job, "--json").stdout) == {"uuid": job, "gone": True}


def test_wait_ends_with_all_jobs_and_tells_of_the_first_that_did_not_succeed(server):
    good, bad = server.job(name="good"), server.job((state("RUNNING"), state("REVOKED")), name="bad")
    failed = server.job((state("FAILURE", error="Traceback\nValueError: no"),))
    done = run(server, "wait", "-j", good.uuid, "-j", bad.uuid, "-j", failed.uuid, "-j", good.uuid)
    assert done.returncode == 11
    assert sorted(done.stdout.splitlines()) == sorted(
        [
            f"{good.uuid}\tSUCCESS\t100 %\tgood\t",
            f"{bad.uuid}\tREVOKED\t\tbad\t",
            f"{failed.uuid}\tFAILURE\t\t\tValueError: no",
        ]
    )
    assert done.stderr.splitlines()[-2:] == [
        f"{bad.uuid}: The job ended as REVOKED.",
        f"{failed.uuid}: ValueError: no",
    ]
    assert run(server, "wait", "-j", good.uuid).returncode == 0


def test_wait_can_be_bounded_and_speaks_json(server):
    good, slow = server.job((state("SUCCESS"),)), server.job((state("RUNNING"),))
    done = run(server, "wait", "-j", good.uuid, "-j", slow.uuid, "--timeout", "0.2", "--json")
    assert (done.returncode, done.stderr) == (14, "")
    assert [(job["uuid"], job["status"]) for job in json.loads(done.stdout)["jobs"]] == [
        (good.uuid, "SUCCESS"),
        (slow.uuid, "RUNNING"),
    ]


def test_wait_for_an_unknown_job_is_refused(server):
    done = run(server, "wait", "-j", server.job((state("RUNNING"),)).uuid, "-j", GONE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"Error: No job has the id {GONE}."
    assert run(server, "wait").returncode == 2


@pytest.mark.parametrize("command", ["wait", "status"])
def test_an_outage_at_the_first_question_is_said_and_lasted_out(server, command):
    job = server.job((state("SUCCESS"),))
    server.faults += [("/details", 503), ("/details", "drop")]
    done = run(server, command, "-j", job.uuid, *(["-w"] if command == "status" else []))
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == "The store does not answer. Asking again for 60 s."
    assert server.faults == []


def test_on_a_terminal_each_job_that_is_waited_for_has_a_bar(server):
    jobs = [server.job(name=name) for name in ("one", "two")]
    shown, status = on_terminal(server, "wait", *(each for job in jobs for each in ("-j", job.uuid)), columns=80)
    lines = plain(shown).replace("\r", "\n").splitlines()
    assert status == 0
    for name in ("one", "two"):
        assert any(line.startswith(name) and "100%" in line for line in lines)
    assert all(len(line) <= 80 for line in lines if "━" in line)


def test_more_options_and_several_inputs_are_sent(server, wheel):
    (wheel / "b.step").write_text("b")
    (wheel / "c.json").write_text('{"root_file": "a", "queue": "gpu"}')
    run(server, "process", "-n", "sleep", "-i", "wheel.step", "-i", "b.step", "--config", "@c.json", cwd=wheel)
    assert json.loads(server.submitted().form["config"]) == {"root_file": "a", "queue": "gpu"}
    run(server, "process", "-n", "sleep", "--config", '{"queue": "gpu", "priority": 1}', "-q", "cpu", "-l", 5)
    assert json.loads(server.submitted().form["config"]) == {"queue": "cpu", "priority": 1, "time_limit": 5}
    done = run(server, "process", "-n", "sleep", "--config", '{"name": "x"}')
    assert (done.returncode, "name has an option of its own" in done.stderr) == (2, True)


def test_a_large_upload_tells_a_pipe_how_far_it_is_and_a_program_nothing(server, tmp_path):
    (tmp_path / "big.step").write_bytes(bytes(20 << 20))
    done = run(server, "process", "-n", "sleep", "-i", "big.step", cwd=tmp_path)
    assert done.stderr.splitlines() == [f"Uploading big.step: {share} % of 21 MB" for share in (25, 50, 75, 100)]
    for flag in ("-b", "--json"):
        assert run(server, "process", "-n", "sleep", "-i", "big.step", flag, cwd=tmp_path).stderr == ""


def test_an_upload_shows_a_bar_on_a_terminal(server, tmp_path):
    (tmp_path / "big.step").write_bytes(bytes(20 << 20))
    shown, status = on_terminal(server, "process", "-n", "sleep", "-i", tmp_path / "big.step")
    assert status == 0
    assert "big.step" in plain(shown)
    assert "MB" in plain(shown)


@pytest.mark.parametrize("path", ["parts\\wheel.glb", "parts/wheel.glb"])
def test_an_output_may_be_named_as_on_windows(server, tmp_path, path):
    server.outputs = {"parts/wheel.glb": b"1"}
    done = run(server, "download", "-j", server.job().uuid, "-f", path, "-o", "w.glb", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "w.glb").read_bytes()) == (0, b"1")


def test_pictures_may_be_wanted_here(server, wheel):
    done = run(server, "thumbnails", "-i", "wheel.step", "-o", ".", cwd=wheel)
    assert done.returncode == 0
    assert {path.name for path in wheel.iterdir()} == {"wheel.step", *OUTPUTS}
