"""ProgramContext: every key and method that users' scripts know."""

import copy
import json
import pickle
from pathlib import Path

import pytest
from kombu.utils import json as kombu_json

from pixyz_scheduler.errors import InvalidWorkflow
from pixyz_scheduler.script.context import ProgramContext, register_json_types
from pixyz_scheduler.script.faults import (
    PixyzFileNotFound,
    PixyzSecurityViolation,
    PixyzSharedDirectoryNotFound,
)

KEYS = {
    "script": None,
    "data": None,
    "root_file": None,
    "entrypoint": "main",
    "params": {},
    "compute_only": False,
    "raw": False,
    "tmp": False,
    "is_local": False,
    "time_request": None,
    "task_id": None,
    "time_limit": 3600,
    "queue": None,
    "retry": 0,
    "input_dir": None,
    "input_file": None,
    "output_dir": None,
    "shadow": None,
    "task": None,
}


class Recorder:
    """A channel that keeps what was sent."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


@pytest.fixture
def folders(tmp_path):
    for name in ("inputs", "outputs"):
        (tmp_path / name).mkdir()
    return ProgramContext(input_dir=str(tmp_path / "inputs"), output_dir=str(tmp_path / "outputs"))


def test_it_is_a_dict_with_the_known_keys_and_defaults():
    pc = ProgramContext()
    assert isinstance(pc, dict)
    assert {key: value for key, value in pc.items() if key != "progress"} == KEYS
    assert pc["progress"] is not None


def test_two_contexts_share_no_params():
    ProgramContext()["params"]["a"] = 1
    assert ProgramContext()["params"] == {}


def test_update_returns_the_context():
    pc = ProgramContext()
    assert pc.update(entrypoint="b", raw=True) is pc
    assert pc.update({"mine": [1]}, queue="gpu") is pc
    assert (pc["entrypoint"], pc["raw"], pc["mine"], pc["queue"]) == ("b", True, [1], "gpu")


@pytest.mark.parametrize("make", [ProgramContext.clone, ProgramContext.copy, copy.copy, copy.deepcopy])
def test_a_clone_shares_nothing_but_the_progress(make):
    channel = Recorder()
    pc = ProgramContext.connected({"mine": {"a": [1]}}, channel)
    clone = make(pc)
    assert type(clone) is ProgramContext
    assert clone == pc
    clone["mine"]["a"].append(2)
    assert pc["mine"] == {"a": [1]}
    clone.progress_next("still heard")
    assert len(channel.sent) == 1


def test_clone_takes_changes():
    pc = ProgramContext(queue="cpu")
    assert pc.clone(queue="gpu")["queue"] == "gpu"
    assert pc["queue"] == "cpu"


def test_it_travels_as_celerys_json_and_is_made_whole_again():
    register_json_types()
    pc = ProgramContext.connected({"task_id": "x", "mine": {"a": [1, None]}}, Recorder())
    arrived = kombu_json.loads(kombu_json.dumps({"pc": pc}))["pc"]
    assert arrived["progress"] is None
    whole = ProgramContext(arrived)
    assert whole.to_wire() == pc.to_wire()
    whole.progress_next("nobody listens, and that is fine")


def test_its_wire_form_is_plain_json():
    pc = ProgramContext(mine="é")
    assert ProgramContext(json.loads(json.dumps(pc.to_wire()))).to_wire() == pc.to_wire()
    assert "progress" not in pc.to_wire()


def test_it_can_be_pickled_by_a_script_that_uses_processes():
    pc = ProgramContext.connected({"mine": 1}, Recorder())
    assert pickle.loads(pickle.dumps(pc)).to_wire() == pc.to_wire()  # noqa: S301  (our own bytes)


def test_progress_methods_send_one_message_each():
    channel = Recorder()
    pc = ProgramContext.connected({}, channel)
    pc.progress_set_total(2)
    pc.progress_next("Importing")
    pc.progress_output({"seen": (1, 2)})
    pc.progress_stop()
    pc["progress"].start()
    pc["progress"].set_total(3)
    pc["progress"].next("again")
    pc["progress"].stop()
    assert [{key: value for key, value in message.items() if key != "time"} for message in channel.sent] == [
        {"type": "progress_total", "total": 2},
        {"type": "step", "info": "Importing"},
        {"type": "progress_output", "value": {"seen": [1, 2]}},
        {"type": "progress_stop"},
        {"type": "progress_total", "total": 3},
        {"type": "step", "info": "again"},
        {"type": "progress_stop"},
    ]


def test_a_step_carries_its_time_and_a_text_that_utf8_can_hold():
    channel = Recorder()
    ProgramContext.connected({}, channel).progress_next("x" * 5000)
    ProgramContext.connected({}, channel).progress_next("a\ud800")
    ProgramContext.connected({}, channel).progress_next(Path("a"))
    assert [message["info"] for message in channel.sent] == ["x" * 1000, "a\\ud800", "a"]
    assert all(isinstance(message["time"], float) for message in channel.sent)


@pytest.mark.parametrize("total", [0, -1, 1.5, "3", None, True])
def test_a_total_that_is_no_count_is_refused(total):
    with pytest.raises(ValueError, match="whole number from 1"):
        ProgramContext().progress_set_total(total)


def test_paths_in_the_folders(folders, tmp_path):
    assert folders.get_input_dir() == str(tmp_path / "inputs")
    assert folders.get_input_dir("a.step") == str(tmp_path / "inputs" / "a.step")
    assert folders.get_output_dir() == str(tmp_path / "outputs")
    assert folders.get_output_dir("deep/b.glb") == str(tmp_path / "outputs" / "deep" / "b.glb")
    assert (tmp_path / "outputs" / "deep").is_dir()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x"])
def test_a_path_that_leaves_its_folder_is_refused(folders, name):
    with pytest.raises(PixyzSecurityViolation, match="leaves the folder"):
        folders.get_output_dir(name)
    with pytest.raises(PixyzSecurityViolation, match="leaves the folder"):
        folders.get_input_dir(name)


def test_a_folder_that_is_gone_is_said(folders, tmp_path):
    (tmp_path / "outputs").rmdir()
    with pytest.raises(PixyzSharedDirectoryNotFound, match=r"output_dir .* is gone"):
        folders.get_output_dir()


def test_a_compute_only_task_has_no_folder():
    with pytest.raises(PixyzSharedDirectoryNotFound, match="no output_dir: compute_only is set"):
        ProgramContext(compute_only=True).get_output_dir()


def test_the_input_file_is_the_uploaded_one(folders, tmp_path):
    model = tmp_path / "inputs" / "a.step"
    model.touch()
    assert folders.update(input_file=str(model)).get_input_file() == str(model)
    model.unlink()
    with pytest.raises(PixyzSharedDirectoryNotFound, match=r"a\.step is gone"):
        folders.get_input_file()


@pytest.mark.parametrize(
    ("files", "root_file", "found"),
    [
        (["readme.txt", "b.STEP", "a.glb"], None, "b.STEP"),
        (["job.py", "a.glb"], None, "a.glb"),
        (["z.obj", "parts/a.obj"], None, "z.obj"),
        (["z.obj", "parts/a.obj"], "parts/a.obj", "parts/a.obj"),
        (["any.bin"], "any.bin", "any.bin"),
        (["readme.txt"], None, None),
        ([], None, None),
    ],
)
def test_in_an_unpacked_archive_the_root_file_or_the_first_model_is_the_input(
    folders, tmp_path, files, root_file, found
):
    for name in files:
        path = tmp_path / "inputs" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    folders.update(root_file=root_file)
    assert folders.get_input_file() == (found and str(tmp_path / "inputs" / found))


@pytest.mark.parametrize("root_file", ["nix.step", "../outputs/x"])
def test_a_wrong_root_file_is_said_with_those_there_are(folders, tmp_path, root_file):
    (tmp_path / "inputs" / "a.obj").touch()
    with pytest.raises(PixyzFileNotFound, match=r"root_file .* is not in the archive, which holds: a\.obj"):
        folders.update(root_file=root_file).get_input_file()


def test_a_job_without_input_has_none():
    assert ProgramContext().get_input_file() is None


@pytest.mark.parametrize(
    ("method", "key"), [("is_local", "is_local"), ("is_compute_only", "compute_only"), ("is_need_a_tmp", "tmp")]
)
def test_the_questions_answer_by_their_key(method, key):
    assert getattr(ProgramContext(), method)() is False
    assert getattr(ProgramContext({key: True}), method)() is True


def test_from_local_names_what_a_server_would(tmp_path):
    model = tmp_path / "a.step"
    model.touch()
    pc = ProgramContext.from_local(tmp_path / "s.py", model, tmp_path / "out")
    assert pc.is_local()
    assert pc["task_id"]
    assert pc["time_request"]
    assert pc["script"] == str(tmp_path / "s.py")
    assert pc.get_input_file() == str(model)
    assert pc.get_output_dir() == str(tmp_path / "out")


def test_from_local_takes_a_folder_of_inputs(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.obj").touch()
    pc = ProgramContext.from_local("s.py", tmp_path / "in", tmp_path / "out")
    assert pc.get_input_file() == str(tmp_path / "in" / "a.obj")


def test_from_local_says_that_the_input_is_not_there(tmp_path):
    with pytest.raises(PixyzSharedDirectoryNotFound, match=r"nix\.step is not there"):
        ProgramContext.from_local("s.py", tmp_path / "nix.step")


@pytest.fixture
def two_entry_points(tmp_path):
    script = tmp_path / "two_entry_points.py"
    script.write_text(
        "def double(pc, params): return {'twice': params['n'] * 2, 'task': pc['task_id']}\n"
        "def fail(): raise KeyError('gone')\n"
    )
    return ProgramContext.from_local(script, None, tmp_path / "out")


def test_a_local_sub_task_runs_at_once(two_entry_points):
    from pixyz_worker.script import pixyz_execute, subtask_async

    pc = two_entry_points.clone(entrypoint="double")
    started = pc.execute({"n": 2}, queue="gpu")
    with pc.allow_join_result():
        assert started.get(timeout=1) == {"twice": 4, "task": started.id}
    assert pc.AsyncResult(started.id) == started
    assert pc.AsyncResult(started.id).get() == started.get()
    assert (started.status, started.ready(), started.successful()) == ("SUCCESS", True, True)
    assert subtask_async({"n": 3}, pc).get()["twice"] == 6
    assert subtask_async(pc, {"n": 3}).get()["twice"] == 6
    assert pixyz_execute({"n": 4}, pc)["twice"] == 8


def test_a_local_sub_task_that_fails_says_so_where_it_is_asked(two_entry_points):
    failed = two_entry_points.clone(entrypoint="fail").execute()
    assert (failed.state, failed.failed(), failed.successful()) == ("FAILURE", True, False)
    with pytest.raises(KeyError, match="gone"):
        failed.get()


def test_an_unknown_sub_task_is_pending_as_celery_says_it(two_entry_points):
    assert two_entry_points.AsyncResult("nix").status == "PENDING"


def test_a_sub_task_without_a_context_is_refused():
    from pixyz_worker.script import pixyz_execute

    with pytest.raises(InvalidWorkflow, match="needs a"):
        pixyz_execute.delay({"n": 1})
