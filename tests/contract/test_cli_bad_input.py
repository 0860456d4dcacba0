"""Every wrong input gets one clear text and its exit status, never a traceback."""

import pytest

from tests.fakes.command_line import run
from tests.fakes.scheduler_api import fake_scheduler, state

GONE = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


USAGE = {
    "no such command": (["fly"], "No such command 'fly'"),
    "no such option": (["jobs", "--fly"], "No such option: --fly"),
    "exec without script": (["exec"], "Missing option '-s'"),
    "script that is not there": (["exec", "-s", "gone.py"], "ile 'gone.py' does not exist"),
    "script that is a folder": (["exec", "-s", "."], "ile '.' is a directory"),
    "input that is not there": (["process", "-n", "sleep", "-i", "gone.step"], "ile 'gone.step' does not exist"),
    "params that are no JSON": (
        ["process", "-n", "sleep", "-p", '{"a": 1, b}'],
        'at line 1, column 10\n  {"a": 1, b}\n           ^',
    ),
    "params with a wrong second line": (
        ["process", "-n", "sleep", "-p", '{\n "a": }'],
        'line 2, column 7\n   "a": }\n',
    ),
    "params that end early": (["process", "-n", "sleep", "-p", '{"a": '], "line 1, column 7"),
    "params with NaN": (["process", "-n", "sleep", "-p", '{"a": NaN}'], "NaN is no JSON number"),
    "params that are a list": (["process", "-n", "sleep", "-p", "[1]"], "it is a list, but params are an object"),
    "params that are null": (["process", "-n", "sleep", "-p", "null"], "it is null, but params are an object"),
    "params nested too deep": (["process", "-n", "sleep", "-p", "[" * 100_000], "it is not JSON"),
    "params file that is not there": (["process", "-n", "sleep", "-p", "@gone.json"], "cannot read gone.json"),
    "params file that is no text": (["process", "-n", "sleep", "-p", "@binary"], "cannot read binary: it is not UTF-8"),
    "params file that is no JSON": (["process", "-n", "sleep", "-p", "@bad.json"], "bad.json is not JSON"),
    "idempotency key with a space": (
        ["process", "-n", "sleep", "--idempotency-key", "a b"],
        "'a b' is no Idempotency-Key: 1 to 255 visible ASCII characters",
    ),
    "time limit of zero": (["process", "-n", "sleep", "-l", "0"], "a time is more than 0 seconds"),
    "negative time limit": (["process", "-n", "sleep", "-l", "-3"], "a time is more than 0 seconds"),
    "endless time limit": (["process", "-n", "sleep", "-l", "inf"], "a time is more than 0 seconds"),
    "time limit in words": (["process", "-n", "sleep", "-l", "soon"], "Invalid value for '-l'"),
    "timeout of zero": (["status", "-j", GONE, "-w", "--timeout", "0"], "a time is more than 0 seconds"),
    "job that is no uuid": (["status", "-j", "../processes"], "'../processes' is not a job's id"),
    "no job": (["status", "-j", ""], "is not a job's id"),
    "limit of zero": (["jobs", "--limit", "0"], "Invalid value for '--limit'"),
    "convert to no format": (["convert", "-i", "bad.json", "-o", "wheel"], "the format is not clear"),
    "convert into a folder": (["convert", "-i", "bad.json", "-o", "."], "is a directory"),
    "url of another kind": (["-u", "ftp://farm", "jobs"], "'ftp://farm' is not the URL of a scheduler"),
    "url with a space": (["-u", "http://my farm", "jobs"], "'http://my farm' is not the URL of a scheduler"),
    "timeout without a wait": (["status", "-j", GONE, "--timeout", "3"], "it bounds the waiting: give -w too"),
    "timeout without a wait of exec": (["process", "-n", "a", "--timeout", "3"], "it bounds the waiting: give -w too"),
    "url with a wrong port": (["-u", "http://farm:port", "jobs"], "is not the URL of a scheduler"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage_exits_2_and_sends_nothing(server, tmp_path, case):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bad.json").write_text('{"a"\n')
    arguments, text = USAGE[case]
    done = run(server, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert server.requests == []


REFUSED = {
    "unknown job": (["status", "-j", GONE], f"No job has the id {GONE}."),
    "unknown job, waiting": (["status", "-w", "-j", GONE], f"No job has the id {GONE}."),
    "unknown job's archive": (["download_all", "-j", GONE, "-o", "a.zip"], f"No job has the id {GONE}."),
    "unknown job to cancel": (["cancel", "-j", GONE], f"No job has the id {GONE}."),
    "unknown process": (["process", "-n", "fly", "-w"], "No process is named fly."),
    "unknown process's doc": (["doc", "-n", "fly"], "No process is named fly."),
    "script without entry point": (["exec", "-s", "empty.py"], "The script has no function main."),
    "key with a line break": (["list", "-t", "a\nb"], "The key holds characters that no key has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_server_refuses_exits_1_with_its_reason(server, tmp_path, case):
    (tmp_path / "empty.py").write_text("")
    arguments, text = REFUSED[case]
    done = run(server, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", done.stderr)
    assert done.stderr.startswith("Error: ")
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("key", ["wrong", None, "größer"])
def test_a_wrong_key_is_one_line(server, key):
    done = run(server, "jobs", token=key)
    assert (done.returncode, done.stdout) == (1, "")
    text = f"Error: {server.url} refuses the key: The API key is missing or wrong."
    assert done.stderr == f"{text} Give it by -t KEY, token=KEY or PIXYZ_TOKEN.\n"


def test_nobody_there_is_one_line_with_what_to_do():
    done = run("http://127.0.0.1:1", "jobs")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: No scheduler answers at http://127.0.0.1:1 (Connection refused). "
        "Start one with `pixyz-scheduler up`, or name another with -u URL or PIXYZ_URL.\n"
    )


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (503, "Error: The store does not answer.\n"),
        (500, "Error: The store does not answer.\n"),
        (b"<html>It works!</html>", "not a scheduler's: is the URL right? It said: <html>It works!</html>\n"),
        (b"[1]", "not a scheduler's: is the URL right? It said: [1]\n"),
        (b'{"jobs": 3}', 'The listing of jobs has no "jobs". It said: {"jobs": 3}\n'),
        (b'{"jobs": [{"status": "SUCCESS"}]}', "told of a job without its uuid.\n"),
        ("drop", "broke (Server disconnected without sending a response). Try again.\n"),
    ],
)
def test_a_server_that_answers_badly_is_one_line(server, fault, text):
    server.faults.append(("/jobs", fault))
    done = run(server, "jobs")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(text)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("url", ["http://a..b", "http://" + "a" * 300, "http://xn--"])
def test_a_host_that_cannot_be_is_one_line(url):
    done = run(url, "jobs")
    assert done.returncode == 2
    assert "is not the URL of a scheduler" in done.stderr
    assert "Traceback" not in done.stderr


def test_cancelling_what_has_ended_says_how_it_ended(server):
    job = server.job((state("SUCCESS"),))
    done = run(server, "cancel", "-j", job.uuid)
    assert (done.returncode, done.stderr) == (1, f"Error: Job {job.uuid} has ended already: SUCCESS.\n")


@pytest.mark.parametrize("file", ["gone.glb", "../inputs/x", "/etc/passwd", "", "a/../b"])
def test_an_output_that_is_not_one_leaves_no_file(server, tmp_path, file):
    done = run(server, "download", "-j", server.job().uuid, "-f", file, "-o", "x.glb", cwd=tmp_path)
    assert done.returncode == 1
    assert "output" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    done = run(server, "download", "-j", server.job().uuid, "-f", "result.glb", "-o", tmp_path / "file" / "x.glb")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Cannot write {tmp_path / 'file' / 'x.glb'}: ")


def test_a_server_that_names_files_outside_cannot_write_there(server, tmp_path):
    (tmp_path / "wheel.step").write_text("ISO-10303-21;")
    server.outputs = {"../evil.png": b"1"}
    done = run(server, "thumbnails", "-i", tmp_path / "wheel.step", "-o", tmp_path / "pictures")
    assert done.returncode == 1
    assert "is not the path of an output" in done.stderr
    assert not (tmp_path / "evil.png").exists()
