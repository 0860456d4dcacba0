"""`logs` and `graph`: what a job has printed, and what it has started."""

import json

import pytest

from pixyz_scheduler.client import SchedulerClient
from tests.contract.test_cli_terminal import plain
from tests.fakes.command_line import on_terminal, run
from tests.fakes.scheduler_api import KEY, fake_scheduler, state

ROOT, FIRST, SECOND = (f"{number}23e4567-e89b-12d3-a456-426614174000" for number in "123")


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def flow(server):
    def node(uuid, **more):
        return {"id": uuid, "name": None, "process": "custom", "queue": "cpu", "parent": ROOT, **more}

    server.graph = {
        "root": ROOT,
        "nodes": [
            node(ROOT, name="all", entrypoint="main", status="RUNNING", parent=None, duration=12.34),
            node(FIRST, entrypoint="cut", status="SUCCESS", duration=1.25),
            node(SECOND, entrypoint="glue", status="PENDING", queue="gpu", duration=None, mood="new"),
        ],
        "edges": [
            {"from": ROOT, "to": FIRST, "kind": "starts"},
            {"from": ROOT, "to": SECOND, "kind": "starts"},
            {"from": FIRST, "to": SECOND, "kind": "then"},
        ],
    }
    return server.job().uuid


def test_logs_come_byte_for_byte_in_a_pipe(server):
    server.logs = {1: b"first", 2: b"\x1b[31mred\x1b[0m \xff\r\n" + bytes(100_000)}
    job = server.job().uuid
    done = run(server, "logs", "-j", job, text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, server.logs[2], b"")
    assert run(server, "logs", "-j", job, "--attempt", 1).stdout == "first"
    done = run(server, "logs", "-j", job, "--attempt", 9)
    assert (done.returncode, "has no attempt 9" in done.stderr) == (1, True)


def test_on_a_terminal_logs_keep_their_colours_and_drive_nothing_else(server):
    server.logs = {1: "\x1b[31mröt\x1b[0m \x1b[2Jgone \x1b]0;owned\x07 50 %\r100 %\n".encode()}
    shown, status = on_terminal(server, "logs", "-j", server.job().uuid)
    assert status == 0
    assert "\x1b[31mröt\x1b[0m" in shown
    assert "50 %\r100 %" in shown
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown


def test_logs_speak_json_lines(server):
    server.logs = {1: "grün\n".encode()}
    done = run(server, "logs", "-j", server.job().uuid, "--json")
    assert "".join(json.loads(line)["text"] for line in done.stdout.splitlines()) == "grün\n"


def test_following_goes_on_through_broken_connections_and_to_the_next_attempt(server):
    server.logs = {1: bytes(range(256)) * 500, 2: b"second"}
    job = server.job((state("RETRY"), state("RUNNING"), state("SUCCESS")))
    server.faults += [("/logs", "cut"), ("/logs", 503)]
    with SchedulerClient(server.url, KEY, sleep=lambda _: None) as client:
        assert b"".join(client.logs(job.uuid, attempt=1, follow=True)) == server.logs[1]
    asked = [path.partition("?")[2] for _, path, _ in server.requests]
    assert asked[0] == "offset=0&attempt=1&follow=true"
    assert asked[1:] == ["offset=64000&attempt=1&follow=true"] * 2
    last, server.logs = server.logs.pop(2), {1: b"first "}

    def pieces(client):
        for piece in client.logs(job.uuid, follow=True):
            yield piece
            server.logs[2] = last

    with SchedulerClient(server.url, KEY) as client:
        job.looks = 1
        assert b"".join(pieces(client)) == b"first second"


def test_logs_of_nobody_end_at_once(server):
    done = run("http://127.0.0.1:1", "logs", "-j", ROOT, "-f")
    assert (done.returncode, "No scheduler answers" in done.stderr) == (1, True)
    assert run(server, "logs", "-j", ROOT).returncode == 1


def test_a_graph_is_a_tree_with_states_and_times(server, flow):
    done = run(server, "graph", "-j", flow)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"all\tRUNNING\t12.3 s\tcpu\t{ROOT}\t",
        f"  cut\tSUCCESS\t1.2 s\tcpu\t{FIRST}\t",
        f"  glue\tPENDING\t\tgpu\t{SECOND}\tafter cut",
    ]
    server.graph["complete"] = False
    assert run(server, "graph", "-j", flow).stderr == "There are more jobs than these.\n"


def test_on_a_terminal_a_graph_fits(server, flow):
    shown, status = on_terminal(server, "graph", "-j", flow, columns=80)
    lines = [line for line in plain(shown).splitlines() if line.strip()]
    assert (status, len(lines)) == (0, 3)
    assert all(len(line) <= 80 for line in lines)
    assert all(uuid in line for uuid, line in zip((ROOT, FIRST, SECOND), lines, strict=True))


@pytest.mark.parametrize(
    ("flags", "text"), [(["--format", "mermaid"], "a graph as mermaid\n"), (["--format", "svg"], "a graph as svg\n")]
)
def test_a_graph_is_drawn_by_the_server(server, flow, flags, text):
    assert run(server, "graph", "-j", flow, *flags).stdout == text


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"]])
def test_a_graph_speaks_json(server, flow, flags):
    assert json.loads(run(server, "graph", "-j", flow, *flags).stdout) == server.graph


def test_a_graph_that_is_no_tree_is_shown_all_the_same(server, flow):
    for node in server.graph["nodes"]:
        node["parent"] = SECOND
    assert len(run(server, "graph", "-j", flow).stdout.splitlines()) >= 1
    server.graph = {"root": "gone", "nodes": server.graph["nodes"], "edges": "?"}
    assert run(server, "graph", "-j", flow).returncode == 0
