"""`batch`: a folder of files, once and again."""

import json
import os
import signal
import sqlite3
import subprocess

import pytest

from tests.contract.test_cli_terminal import plain
from tests.fakes.command_line import COMMAND, environment, on_terminal, run
from tests.fakes.scheduler_api import KEY, fake_scheduler, state

FAILED = (state("RUNNING", 10), state("FAILURE", error="Traceback\nCorruptFile: too round"))


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        scheduler.outputs = {"output.glb": b"glTF" + bytes(1000)}
        yield scheduler


@pytest.fixture
def parts(tmp_path):
    (tmp_path / "parts").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "parts" / f"{name}.step").write_text(f"ISO-10303-21; {name}")
    return tmp_path


def batch(server, cwd, *more, pattern="parts/*.step"):
    return run(server, "batch", pattern, "-n", "convert_file", "-o", "out", *more, cwd=cwd)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def sent(server):
    return sorted(job.name for job in server.jobs.values())


JOURNAL = ".pixyz-batch.sqlite"


def test_each_input_becomes_a_file_and_a_line(server, parts):
    done = batch(server, parts, "-p", '{"extension": "glb"}')
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == ["out/a.glb", "out/b.glb", "out/c.glb"]
    assert files(parts / "out") == [JOURNAL, "a.glb", "b.glb", "c.glb"]
    assert (parts / "out" / "a.glb").read_bytes() == server.outputs["output.glb"]
    lines = done.stderr.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ["SUCCESS"] * 3
    assert lines[-1] == "3 done of 3."
    assert {json.loads(job.form["params"])["extension"] for job in server.jobs.values()} == {"glb"}


def test_again_it_does_nothing(server, parts):
    batch(server, parts)
    done = batch(server, parts)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "3 skipped of 3."
    assert len(server.jobs) == 3


def test_again_it_does_what_failed_and_what_is_new_and_what_has_changed(server, parts):
    server.plans["b.step"] = FAILED
    done = batch(server, parts)
    assert done.returncode == 10
    assert "FAILURE parts/b.step: CorruptFile: too round\n" in done.stderr
    assert done.stderr.endswith("2 done, 1 failed of 3. The same command again does what failed.\n")
    del server.plans["b.step"]
    server.jobs.clear()
    (parts / "parts" / "d.step").write_text("new")
    (parts / "parts" / "a.step").write_text("changed")
    done = batch(server, parts)
    assert done.returncode == 0
    assert sent(server) == ["a.step", "b.step", "d.step"]
    assert done.stderr.splitlines()[-1] == "3 done, 1 skipped of 4."


def test_other_work_is_done_anew_and_a_touched_file_is_the_same(server, parts):
    batch(server, parts)
    os.utime(parts / "parts" / "a.step", (1, 1))
    assert batch(server, parts).stderr.splitlines()[-1] == "3 skipped of 3."
    assert batch(server, parts, "-p", '{"quality": "high"}').stderr.splitlines()[-1] == "3 done of 3."
    assert len(server.jobs) == 6


def test_an_output_that_was_removed_is_fetched_again_and_not_made_again(server, parts):
    batch(server, parts)
    (parts / "out" / "b.glb").unlink()
    done = batch(server, parts)
    assert (done.returncode, done.stdout, len(server.jobs)) == (0, "out/b.glb\n", 3)
    (parts / "out" / "b.glb").unlink()
    server.jobs.clear()
    assert batch(server, parts).returncode == 0
    assert sent(server) == ["b.step"]


def test_a_file_of_somebody_else_is_left_alone_and_said(server, parts):
    (parts / "out").mkdir()
    (parts / "out" / "a.glb").write_text("mine")
    done = batch(server, parts)
    assert done.returncode == 10
    assert (
        "a.step: out/a.glb is there already and not from this batch: move it away, or give --overwrite.\n"
        in done.stderr
    )
    assert (parts / "out" / "a.glb").read_text() == "mine"
    assert batch(server, parts, "--overwrite").returncode == 0
    assert (parts / "out" / "a.glb").read_bytes() == server.outputs["output.glb"]


def test_an_output_that_the_user_has_changed_is_left_alone(server, parts):
    batch(server, parts)
    (parts / "out" / "a.glb").write_text("mended by hand")
    assert batch(server, parts).stderr.splitlines()[-1] == "3 skipped of 3."
    (parts / "parts" / "a.step").write_text("changed")
    done = batch(server, parts)
    assert done.returncode == 10
    assert "out/a.glb was changed since it was made" in done.stderr
    assert (parts / "out" / "a.glb").read_text() == "mended by hand"


def test_equal_names_are_kept_apart(server, parts):
    (parts / "parts" / "a.iges").write_text("another a")
    (parts / "parts" / "sub").mkdir()
    (parts / "parts" / "sub" / "a.step").write_text("a third")
    assert batch(server, parts, pattern="parts").returncode == 0
    assert files(parts / "out") == [JOURNAL, "a.glb", "a.step.glb", "b.glb", "c.glb", "sub/a.glb"]


def test_several_outputs_of_one_input_have_a_folder(server, parts):
    server.outputs = {"iso.png": b"1", "views/x.png": b"2"}
    assert batch(server, parts, pattern="parts/a.step").returncode == 0
    assert files(parts / "out") == [JOURNAL, "a/iso.png", "a/views/x.png"]


def test_a_script_and_its_options_are_sent(server, parts):
    (parts / "look.py").write_text("def main(pc, params): ...")
    options = ["-s", "look.py", "-e", "main", "-q", "gpu", "-l", 90, "-o", "out"]
    done = run(server, "batch", "parts/a.step", "parts/b.step", *options, cwd=parts)
    assert done.returncode == 0
    assert {job.files["script"][0] for job in server.jobs.values()} == {"look.py"}
    config = {"entrypoint": "main", "queue": "gpu", "time_limit": 90}
    assert [json.loads(job.form["config"]) for job in server.jobs.values()] == [config, config]


def test_json_is_a_line_for_each_input_and_one_for_all(server, parts):
    server.plans["b.step"] = FAILED
    done = batch(server, parts, "--json")
    assert (done.returncode, done.stderr) == (10, "")
    *ends, last = map(json.loads, done.stdout.splitlines())
    by_name = {each["input"]: each for each in ends}
    assert by_name["parts/a.step"]["outputs"] == ["out/a.glb"]
    assert (by_name["parts/b.step"]["status"], by_name["parts/b.step"]["error"]) == ("FAILURE", FAILED[1]["error"])
    assert last == {"summary": {"total": 3, "left": 0, "done": 2, "failed": 1}}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["gone/*.step", "-n", "sleep", "-o", "out"], "no file matches gone/*.step"),
        (["parts", "-o", "out"], "give one of the two"),
        (["parts", "-n", "sleep", "-s", "parts/a.step", "-o", "out"], "give one of the two"),
        (["parts", "-n", "sleep", "-o", "out", "--concurrency", "0"], "Invalid value for '--concurrency'"),
        (["parts", "-n", "sleep"], "Missing option '-o'"),
        (["-n", "sleep", "-o", "out"], "Missing argument 'PATTERN...'"),
    ],
)
def test_wrong_usage_exits_2_and_makes_nothing(server, parts, arguments, text):
    done = run(server, "batch", *arguments, cwd=parts)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert (server.requests, (parts / "out").exists()) == ([], False)


def test_an_unknown_process_a_wrong_key_and_nobody_are_told_once(server, parts):
    done = run(server, "batch", "parts", "-n", "fly", "-o", "out", cwd=parts)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: No process is named fly. There are: convert_file, ")
    done = run(server, "batch", "parts", "-n", "sleep", "-o", "out", cwd=parts, token="wrong")
    assert done.returncode == 1
    assert "refuses the key" in done.stderr
    done = run("http://127.0.0.1:1", "batch", "parts", "-n", "sleep", "-o", "out", cwd=parts)
    assert done.returncode == 1
    assert "No scheduler answers" in done.stderr
    assert server.jobs == {}


def test_outages_of_the_scheduler_cost_nothing(server, parts):
    server.faults += [(r"^/jobs$", 503), (r"^/jobs$", "done, then drop"), ("/details", "drop"), ("/outputs$", 503)]
    server.faults += [("/outputs/output.glb", "cut")]
    done = batch(server, parts)
    assert done.returncode == 0
    assert len(server.jobs) == 3
    assert server.faults == []
    assert done.stderr.count("Asking again") >= 1


def start(server, parts):
    command = [*COMMAND, "batch", "parts/*.step", "-n", "convert_file", "-o", "out"]
    settings = environment(PIXYZ_URL=server.url, PIXYZ_TOKEN=KEY)
    return subprocess.Popen(command, env=settings, cwd=parts, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition):
    while not condition():
        pass  # pytest-timeout ends it


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_interrupted_is_taken_up_and_not_sent_again(server, parts, how):
    server.plan = (state("RUNNING", 10),)
    process = start(server, parts)
    wait_until(lambda: len(server.jobs) == 3 and all(job.looks > 1 for job in server.jobs.values()))
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said == "3 left of 3. What was sent goes on at the scheduler; the same command again takes it up.\n"
    for job in server.jobs.values():
        job.plan, job.looks = (state("SUCCESS", 100),), 0
    done = batch(server, parts)
    assert (done.returncode, len(server.jobs)) == (0, 3)
    assert files(parts / "out") == [JOURNAL, "a.glb", "b.glb", "c.glb"]


def test_a_job_that_failed_while_nobody_looked_is_sent_anew(server, parts):
    server.plan = (state("RUNNING", 10),)
    process = start(server, parts)
    wait_until(lambda: len(server.jobs) == 3 and all(job.looks > 1 for job in server.jobs.values()))
    process.kill()
    process.communicate(timeout=60)
    for job in server.jobs.values():
        job.plan = FAILED[1:]
    server.plan = (state("SUCCESS", 100),)
    assert (batch(server, parts).returncode, len(server.jobs)) == (0, 6)


def test_an_input_that_was_being_sent_becomes_one_job(server, parts):
    """Killed between the server's work and the answer: the journal has the key."""
    batch(server, parts)
    with sqlite3.connect(parts / "out" / JOURNAL) as journal:
        journal.execute("UPDATE inputs SET state = 'sent', uuid = NULL WHERE input LIKE '%b.step'")
    journal.close()
    done = batch(server, parts)
    assert (done.returncode, done.stdout, len(server.jobs)) == (0, "out/b.glb\n", 3)


def test_a_second_batch_in_the_same_folder_is_refused(server, parts):
    server.plan = (state("RUNNING", 10),)
    process = start(server, parts)
    wait_until(lambda: len(server.jobs) == 3)
    done = batch(server, parts)
    assert (done.returncode, done.stderr[:36]) == (1, "Error: Another batch is at work in o")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_no_more_are_at_work_at_once_than_asked(server, parts):
    for number in range(20):
        (parts / "parts" / f"{number}.step").write_text(str(number))
    most = []

    class Watched(dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, value)
            most.append(sum(job.looks < len(job.plan) for job in self.values()))

    server.jobs = Watched()
    assert batch(server, parts, "--concurrency", 3).returncode == 0
    assert max(most) <= 3
    assert len(most) == 23


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_there_is_one_table_that_fits_and_a_summary(server, parts, columns):
    server.plans["b.step"] = FAILED
    (parts / "parts" / ("long" * 40 + ".step")).write_text("x")
    shown, status = on_terminal(
        server, "batch", parts / "parts", "-n", "convert_file", "-o", parts / "out", columns=columns
    )
    lines = plain(shown).replace("\r", "\n").splitlines()
    assert status == 10
    assert any("CorruptFile: too round" in line for line in lines)
    assert any("4/4" in line for line in lines)
    assert "3 done, 1 failed of 4" in plain(shown).replace("\r\n", " ")
    table = [line for line in lines if "━" in line]
    assert table
    assert all(len(line) <= columns for line in table)


def test_a_job_that_makes_no_file_is_done_all_the_same(server, parts):
    server.outputs = {}
    assert batch(server, parts).stderr.splitlines()[-1] == "3 done of 3."
    assert batch(server, parts).stderr.splitlines()[-1] == "3 skipped of 3."


def test_what_other_work_has_left_is_not_missed(server, parts):
    server.outputs = {"output.usdz": b"1"}
    batch(server, parts, "-p", '{"extension": "usdz"}')
    server.outputs = {"output.glb": b"2"}
    batch(server, parts)
    (parts / "out" / "a.usdz").unlink()
    assert batch(server, parts).stderr.splitlines()[-1] == "3 skipped of 3."
