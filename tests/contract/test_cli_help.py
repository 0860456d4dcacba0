"""The help: there for every command, with an example, quick, and written up in the reference."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from pixyz_scheduler.cli.main import make_app
from tests.fakes.command_line import environment, run

COMMANDS = get_command(make_app()).commands
SECTION_5 = {
    "version": "",
    "list": "",
    "doc": "n",
    "jobs": "",
    "status": "jw",
    "details": "j",
    "outputs": "j",
    "download": "jfo",
    "download_all": "jo",
    "exec": "sipeqlwrab",
    "process": "nipeqlwrab",
    "convert": "iop",
    "thumbnails": "io",
    "metadata": "io",
    "cancel": "j",
    "retry": "j",
    "delete": "j",
    "wait": "j",
    "logs": "jf",
    "graph": "j",
    "batch": "nsopeql",
}
JSON = {name for name, command in COMMANDS.items() if not command.hidden} - {
    "up",
    "api",
    "worker",
    "admin",
    "completion",
}
ROOT = Path(__file__).parents[2]


def flags(command):
    return {flag for option in COMMANDS[command].params for flag in option.opts}


@pytest.mark.parametrize("command", SECTION_5)
def test_every_command_has_the_flags_that_users_know(command):
    assert {f"-{letter}" for letter in SECTION_5[command]} | {"-t"} <= flags(command)


@pytest.mark.parametrize("command", sorted(JSON))
def test_every_command_that_tells_something_tells_it_as_json(command):
    assert "--json" in flags(command)


@pytest.mark.parametrize("command", [name for name, command in COMMANDS.items() if not command.hidden])
def test_every_command_says_what_it_does_and_shows_an_example(command):
    assert COMMANDS[command].help
    assert COMMANDS[command].epilog.startswith("Example: ")
    assert "pixyz-scheduler" in COMMANDS[command].epilog
    assert f" {command}" in COMMANDS[command].epilog
    assert all(option.help for option in COMMANDS[command].params)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["exec", "-h"], ["convert", "--help"], ["admin", "reconcile", "-h"]]
)
def test_help_is_shown(arguments):
    done = run("http://127.0.0.1:1", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: pixyz-scheduler" in done.stdout


def test_help_is_quick_it_imports_neither_http_nor_the_server():
    heavy = ["httpx", "fastapi", "celery", "redis", "kombu", "pydantic_settings", "uvicorn", "numpy", "rich.progress"]
    heavy += ["_hashlib", "ctypes", "socket", "tempfile", "asyncio", "ssl"]
    ask = f"""
import sys
before = set(sys.modules)
from pixyz_scheduler.cli.main import main
sys.argv[1:] = ["--help"]
try:
    main()
finally:
    print("loaded", [each for each in {heavy} if each in sys.modules and each not in before])
    print(len(set(sys.modules) - before) < 200)
"""
    done = subprocess.run(
        [sys.executable, "-c", ask], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-2:] == ["loaded []", "True"]


def test_the_client_stands_on_nothing_of_the_server():
    ask = (
        "import sys, pixyz_scheduler.client; print(sorted(m for m in sys.modules if m.startswith('pixyz_scheduler.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(re.findall(r"'pixyz_scheduler\.([^']+)'", done.stdout))
    assert {name for name in loaded if name != "errors" and not name.startswith("client")} == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed_for_each_shell(shell):
    done = run("http://127.0.0.1:1", "completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_PIXYZ_SCHEDULER_COMPLETE" in done.stdout


def test_an_unknown_shell_is_wrong_usage():
    assert run("http://127.0.0.1:1", "completion", "dos").returncode == 2


def test_bash_completes_commands_and_options(tmp_path):
    program = tmp_path / "pixyz-scheduler"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pixyz_scheduler.cli.main "$@"\n')
    program.chmod(0o755)
    shell = """
eval "$(pixyz-scheduler completion bash)"
complete() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pixyz_scheduler_completion "$1"; echo "${COMPREPLY[@]}"; }
complete pixyz-scheduler download
complete pixyz-scheduler batch --conc
"""
    settings = environment(PATH=f"{tmp_path}:{os.environ['PATH']}")
    done = subprocess.run(["bash", "-c", shell], env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["download download_all", "--concurrency"]


@pytest.mark.parametrize("group", [[], ["admin"]], ids=["all", "admin"])
def test_no_line_of_the_list_of_commands_is_cut_at_80_columns(group):
    shown = run("http://127.0.0.1:1", *group, "--help", COLUMNS="80").stdout
    assert [line for line in shown.splitlines()[1:] if line.endswith("...")] == []
