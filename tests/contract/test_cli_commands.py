"""What each command prints in a pipe: what was asked for on stdout, all else on stderr."""

import json
import re
import shlex
import subprocess

import pytest

from tests.fakes.command_line import COMMAND, environment, run
from tests.fakes.scheduler_api import KEY, PROCESSES, fake_scheduler, state

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "hello.py"
    path.write_text("def main(pc, params):\n    return params\n")
    return path


def test_version_names_both_ends_and_needs_no_key(server):
    done = run(server, "version", token=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["pixyz-scheduler 0.1.0", f"scheduler 3.2.1 at {server.url}"]


def test_list_prints_one_process_a_line(server):
    done = run(server, "list")
    assert (done.returncode, done.stdout.splitlines()) == (0, list(PROCESSES))


def test_doc_prints_the_text_of_a_process(server):
    done = run(server, "doc", "-n", "sleep")
    assert (done.returncode, done.stdout) == (0, "Process 'sleep' documentation:\n\nDoes what its name says.\n")


def test_jobs_prints_one_line_a_job_newest_first_parted_by_tabs(server):
    old = server.job((state("FAILURE", 50, error="Traceback:\nValueError: no\tway"),), name="old")
    new = server.job((state("PENDING"),))
    done = run(server, "jobs")
    assert done.stdout.splitlines() == [
        f"{new.uuid}\tPENDING\t\t\t",
        f"{old.uuid}\tFAILURE\t50 %\told\tValueError: no way",
    ]


def test_jobs_are_filtered_by_the_server(server):
    server.job((state("PENDING"),))
    failed = server.job((state("FAILURE", error="x"),))
    done = run(server, "jobs", "--status", "failure", "--limit", 3)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [failed.uuid]


def test_status_prints_one_line(server):
    job = server.job(name="wheel")
    done = run(server, "status", "-j", job.uuid)
    assert (done.returncode, done.stdout) == (0, f"{job.uuid}\tPENDING\t\twheel\t\n")


def test_details_show_times_steps_result_and_traceback(server):
    traceback = 'Traceback:\n  File "hello.py", line 3\nValueError: too round'
    job = server.job((state("FAILURE", 50, done=["Importing"], step="Exporting", error=traceback, result=[1, 2]),))
    shown = run(server, "details", "-j", job.uuid).stdout
    assert "status:   FAILURE" in shown
    assert "started:  2026-01-01T10:00:00.200000+00:00" in shown
    assert "     0.100 s  Importing" in shown
    assert "     running  Exporting" in shown
    assert traceback in shown


def test_outputs_prints_one_path_a_line(server):
    server.outputs = {"a.glb": b"1", "parts/b c.glb": b"2"}
    done = run(server, "outputs", "-j", server.job().uuid)
    assert done.stdout.splitlines() == ["a.glb", "parts/b c.glb"]


def test_outputs_of_a_job_that_made_none_says_so_beside_an_empty_list(server):
    server.outputs = {}
    done = run(server, "outputs", "-j", server.job().uuid)
    assert (done.stdout, done.stderr) == ("", "It has no files in its outputs.\n")


def test_outputs_of_a_job_that_has_started_others_says_where_else_files_may_lie(server):
    server.outputs = {}
    job = server.job((state("SUCCESS", children=["a", "b"]),)).uuid
    assert run(server, "outputs", "-j", job).stderr == (
        "It has no files in its outputs. Those of the 2 jobs that it has started are their own: "
        f"pixyz-scheduler graph -j {job}\n"
    )


def test_details_tell_of_a_jobs_family(server):
    job = server.job((state("SUCCESS", parent="p", children=["a", "b"]),)).uuid
    shown = run(server, "details", "-j", job).stdout
    assert "parent:   p\n" in shown
    assert f"children: 2 (pixyz-scheduler graph -j {job})\n" in shown


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("version", "server"),
        ("list", "processes"),
        ("jobs", "jobs"),
        ("doc", "doc"),
        ("status", "uuid"),
        ("details", "mood"),
        ("outputs", "outputs"),
    ],
)
def test_every_reading_command_speaks_json(server, command, key):
    more = {"doc": ["-n", "sleep"], "status": ["-j", server.job().uuid]}
    more |= {"details": more["status"], "outputs": more["status"]}
    done = run(server, command, *more.get(command, []), "--json")
    assert done.returncode == 0
    assert key in json.loads(done.stdout)


def test_exec_sends_every_option(server, script, tmp_path):
    wheel = tmp_path / "wheel.step"
    wheel.write_bytes(b"ISO-10303-21;\r\n\x00\xff")
    more = ["-i", wheel, "-p", '{"a": [1, "ü"]}', "-e", "main", "-q", "gpu", "-l", "90", "-a", "my job"]
    done = run(server, "exec", "-s", script, *more)
    job = server.submitted()
    assert (done.returncode, done.stdout) == (0, f"{job.uuid}\tSENT\t\tmy job\t\n")
    assert job.form["process"] == "custom"
    assert job.form["name"] == "my job"
    assert json.loads(job.form["params"]) == {"a": [1, "ü"]}
    assert json.loads(job.form["config"]) == {"entrypoint": "main", "queue": "gpu", "time_limit": 90}
    assert '"time_limit": 90}' in job.form["config"]
    assert job.files == {
        "script": ("hello.py", script.read_bytes()),
        "file": ("wheel.step", b"ISO-10303-21;\r\n\x00\xff"),
    }


def test_what_is_not_given_is_not_sent(server):
    run(server, "process", "-n", "sleep")
    assert server.submitted().form == {"process": "sleep"}
    assert server.submitted().files == {}


def test_what_the_server_warns_of_is_told_on_stderr(server, script):
    answer = {
        "uuid": "123e4567-e89b-12d3-a456-426614174000",
        "status": "SENT",
        "warnings": ["config.uuid is not yours"],
    }
    server.faults.append(("/jobs", json.dumps(answer).encode()))
    done = run(server, "exec", "-s", script, "-b")
    assert (done.stdout, done.stderr) == (answer["uuid"] + "\n", "Warning: config.uuid is not yours\n")


def test_batch_prints_the_bare_uuid(server, script):
    done = run(server, "exec", "-s", script, "-b")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(UUID + "\n", done.stdout)


def test_batch_and_wait_print_the_uuid_and_exit_by_the_end(server):
    server.plan = (state("PENDING"), state("REVOKED"))
    done = run(server, "process", "-n", "sleep", "-bw")
    assert (done.returncode, done.stdout) == (11, f"{server.submitted().uuid}\n")


@pytest.mark.parametrize("flags", ["-rw", "-wr", "-r"])
def test_combined_flags_print_the_result_alone_on_stdout(server, script, flags):
    done = run(server, "exec", flags, "-s", script)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"output": "result.glb"})


def test_waiting_in_a_pipe_prints_each_change_once_on_stderr(server):
    done = run(server, "process", "-n", "sleep", "-w")
    uuid = server.submitted().uuid
    assert done.stdout == f"{uuid}\tSUCCESS\t100 %\t\t\n"
    assert done.stderr.splitlines() == [
        f"{uuid} PENDING",
        f"{uuid} RUNNING 0 % Importing",
        f"{uuid} RUNNING 50 % Exporting",
        f"{uuid} SUCCESS 100 % Exporting",
    ]


def test_a_failure_shows_the_traceback_of_the_script_on_stderr(server, script):
    traceback = 'Traceback (most recent call last):\n  File "hello.py", line 2, in main\nValueError: too round'
    server.plan = (state("RUNNING", 0), state("FAILURE", 0, error=traceback))
    done = run(server, "exec", "-rw", "-s", script)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr.endswith(traceback + "\n")


@pytest.mark.parametrize("flags", ["-rw", "-w", "-bw"])
def test_a_failure_says_what_to_do_where_the_traceback_does_not(server, script, flags):
    traceback = (
        'Traceback (most recent call last):\n  File "hello.py", line 1\nModuleNotFoundError: No module named nix\n'
    )
    reason = "ModuleNotFoundError: No module named nix; install it where the script runs"
    server.plan = (state("FAILURE", 0, error=traceback, reason=reason),)
    done = run(server, "exec", flags, "-s", script)
    assert done.stderr.endswith(f"{traceback}{reason}\n")
    assert f"{reason}\n" in run(server, "details", "-j", server.submitted().uuid).stdout


def test_an_end_that_is_told_in_one_line_is_told_once(server, script):
    server.plan = (state("REVOKED", error="The job was cancelled.", reason="The job was cancelled."),)
    done = run(server, "exec", "-w", "-s", script)
    assert (done.stdout + done.stderr).count("The job was cancelled.") == 1


def test_wait_and_json_print_the_details_alone(server, script):
    done = run(server, "exec", "-w", "--json", "-s", script)
    assert json.loads(done.stdout)["result"] == {"output": "result.glb"}
    assert done.stderr == ""


def test_params_come_from_a_file(server, tmp_path):
    (tmp_path / "p.json").write_text('\ufeff{"ratio": 0.5}', encoding="utf-8")
    done = run(server, "process", "-n", "sleep", "-p", "@p.json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(server.submitted().form["params"]) == {"ratio": 0.5}


def test_download_puts_a_file_where_it_is_told(server, tmp_path):
    target = tmp_path / "new" / "wheel.glb"
    done = run(server, "download", "-j", server.job().uuid, "-f", "result.glb", "-o", target)
    assert (done.returncode, done.stdout) == (0, f"{target}\n")
    assert target.read_bytes() == server.outputs["result.glb"]


@pytest.mark.parametrize("command", ["download_all", "download-all"])
def test_download_all_waits_for_the_job_and_for_its_archive(server, tmp_path, command):
    target = tmp_path / "all.zip"
    done = run(server, command, "-j", server.job().uuid, "-o", target)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{target}\n", "The job still runs.\n")
    assert target.read_bytes().startswith(b"PK")


def test_cancel_shows_the_new_state(server):
    job = server.job((state("PENDING"),))
    done = run(server, "cancel", "-j", job.uuid)
    assert (done.returncode, done.stdout) == (0, f"{job.uuid}\tREVOKED\t\t\t\n")


def test_retry_shows_the_new_state_and_refuses_what_has_not_ended(server):
    ended, waits = server.job((state("FAILURE"),)), server.job((state("PENDING"),))
    done = run(server, "retry", "-j", ended.uuid)
    assert (done.returncode, done.stdout) == (0, f"{ended.uuid}\tPENDING\t\t\t\n")
    done = run(server, "retry", "-j", waits.uuid)
    assert (done.returncode, done.stderr) == (1, f"Error: Job {waits.uuid} has not ended yet: PENDING.\n")


def test_delete_says_nothing_and_the_job_is_gone(server):
    job = server.job((state("SUCCESS"),))
    done = run(server, "delete", "-j", job.uuid)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run(server, "status", "-j", job.uuid).returncode == 1


def test_of_a_running_job_cancel_and_delete_say_that_it_is_being_stopped(server):
    job = server.job((state("RUNNING", 40),))
    done = run(server, "delete", "-j", job.uuid)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "It is being stopped, and goes then.\n")
    done = run(server, "cancel", "-j", job.uuid)
    assert (done.returncode, done.stdout) == (0, f"{job.uuid}\tRUNNING\t40 %\t\t\n")
    assert done.stderr == f"It is being stopped. See its end: pixyz-scheduler status -j {job.uuid} -w\n"


def test_details_say_how_each_attempt_ended_and_where(server):
    told = {"number": 1, "worker": "w1", "queue": "cpu", "outcome": "signal", "signal": 11, "peak_memory": 2048}
    last = {"number": 2, "worker": "w2", "queue": "gpuhigh", "outcome": "success", "exit_code": 0}
    job = server.job((state("SUCCESS", attempts=[told, last]),))
    done = run(server, "details", "-j", job.uuid)
    assert "attempts:\n  1  signal, signal 11, 2 MiB at most; on cpu, w1\n" in done.stdout
    assert "\n  2  success; on gpuhigh, w2\n" in done.stdout


def test_details_say_what_a_waiting_job_waits_for(server):
    job = server.job((state("PENDING", waiting_for="no worker listens on queue gpu"),))
    done = run(server, "details", "-j", job.uuid)
    assert "waiting:  no worker listens on queue gpu\n" in done.stdout


def test_the_key_and_the_url_are_taken_before_and_after_the_command(server):
    nobody, wrong = "http://127.0.0.1:1", "wrong"
    assert run(nobody, "-u", server.url, "-t", wrong, "list", "-t", KEY, token=wrong).returncode == 0
    assert run(nobody, "-u", server.url, "-t", KEY, "list", token=wrong).returncode == 0
    assert run(nobody, "-u", server.url, "-t", KEY, "list", token=None).returncode == 0
    assert run(server, "-t", wrong, "list", token=KEY).returncode == 1


def test_convert_ends_with_the_file_on_disk(server, tmp_path):
    wheel, target = tmp_path / "wheel.step", tmp_path / "out" / "wheel.glb"
    wheel.write_text("ISO-10303-21;")
    done = run(server, "convert", "-i", wheel, "-o", target, "-p", '{"quality": "high"}')
    assert (done.returncode, done.stdout) == (0, f"{target}\n")
    assert target.read_bytes() == server.outputs["result.glb"]
    assert server.submitted().form["process"] == "convert_file"
    assert json.loads(server.submitted().form["params"]) == {"extension": "glb", "quality": "high"}


def test_convert_tells_what_was_lost(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.plan = (state("SUCCESS", 100, result={"output": "result.glb", "warnings": ["PMI cannot be held by GLB"]}),)
    done = run(server, "convert", "-i", tmp_path / "wheel.step", "-o", tmp_path / "wheel.glb")
    assert done.returncode == 0
    assert done.stderr.endswith("Warning: PMI cannot be held by GLB\n")


def test_convert_picks_the_format_of_the_output_among_several(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.outputs = {"result.glb": b"glb", "result.usdz": b"usdz"}
    more = ["-p", '{"extensions": ["glb", "usdz"]}']
    run(server, "convert", "-i", tmp_path / "wheel.step", "-o", tmp_path / "wheel.usdz", *more)
    assert json.loads(server.submitted().form["params"]) == {"extensions": ["glb", "usdz"]}
    assert (tmp_path / "wheel.usdz").read_bytes() == b"usdz"


def test_convert_brings_the_files_that_belong_to_the_format(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.outputs = {"wheel.obj": b"mtllib wheel.mtl", "wheel.mtl": b"newmtl a", "textures/a.png": b"png"}
    run(server, "convert", "-i", tmp_path / "wheel.step", "-o", tmp_path / "out" / "round.obj")
    made = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert made == {"round.obj", "wheel.mtl", "textures/a.png"}


def test_thumbnails_ends_with_the_pictures_in_the_folder(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.outputs = {"iso.png": b"1", "x.png": b"2", "preview.glb": b"3"}
    done = run(server, "thumbnails", "-i", tmp_path / "wheel.step", "-o", tmp_path / "pictures")
    assert done.returncode == 0
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"iso.png", "x.png", "preview.glb"}


def test_metadata_ends_with_the_file_on_disk(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.outputs = {"metadata.json": b'{"part_count": 3}'}
    done = run(server, "metadata", "-i", tmp_path / "wheel.step", "-o", tmp_path / "wheel.json")
    assert done.returncode == 0
    assert json.loads((tmp_path / "wheel.json").read_text()) == {"part_count": 3}


def test_text_of_others_cannot_drive_the_terminal(server):
    server.job((state("FAILURE", error="\x1b[2Jgone\x07"),), name="[red]\x1b]0;owned\x07")
    shown = run(server, "jobs").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]" in shown


def test_a_console_without_unicode_still_shows_the_answer(server):
    server.job(name="Rad-Ω")
    done = run(server, "jobs", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert "Rad-?" in done.stdout


def test_json_loses_nothing_and_drives_no_terminal(server):
    result = {"text": "\x1b[2J\x7f\x9b Ω", "half": "\ud800"}
    job = server.job((state("SUCCESS", 100, result=result),))
    for encoding in ("utf-8", "latin-1"):
        done = run(server, "details", "--json", "-j", job.uuid, PYTHONIOENCODING=encoding, text=False)
        assert json.loads(done.stdout.decode(encoding))["result"] == result
        assert b"\x1b" not in done.stdout
        assert "\x9b" not in done.stdout.decode(encoding)
        assert b"\x7f" not in done.stdout


def test_a_pipe_that_closes_early_is_no_traceback(server):
    for _ in range(300):
        server.job(name="a long name " * 20)
    shell = "exec " + shlex.join(COMMAND) + " jobs --limit 1000 | head -1"
    done = subprocess.run(
        ["bash", "-c", shell],
        env=environment(PIXYZ_URL=server.url, PIXYZ_TOKEN=KEY),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
