"""Requests that other schedulers answered with a bare 500, or paid for with files left behind."""

import subprocess
import uuid

import pytest

from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from tests.contract.api.conftest import running, settings_for

MAIN = "def main(pc, params): pass\n"
SCRIPT = {"script": ("job.py", MAIN)}


REFUSED = {
    "text where a file is expected": ({"data": {"script": MAIN}}, "script must be a file"),
    "text as input": ({"files": SCRIPT, "data": {"file": "part.step"}}, "file must be a file"),
    "syntax error": ({"files": {"script": ("job.py", "def main(:\n")}}, "job.py, line 1"),
    "binary script": ({"files": {"script": ("job.py", b"\x7fELF\x00\xff")}}, "job.py"),
    "script with a null byte": ({"files": {"script": ("job.py", b"x = 1\x00\n")}}, "job.py"),
    "no entry point": ({"files": {"script": ("job.py", "def other(): pass\n")}}, "no function 'main'"),
    "config that is a list": ({"files": SCRIPT, "data": {"config": "[1]"}}, "config must be a JSON object"),
    "config that is no JSON": ({"files": SCRIPT, "data": {"config": "{"}}, "config is not JSON"),
    "params that are text": ({"files": SCRIPT, "data": {"params": '"a"'}}, "params must be a JSON object"),
    "params with NaN": ({"files": SCRIPT, "data": {"params": '{"a": NaN}'}}, "NaN is not JSON"),
    "params nested deep": ({"files": SCRIPT, "data": {"params": "[" * 100_000}}, "params is not JSON"),
    "time limit 0": ({"files": SCRIPT, "data": {"config": '{"time_limit": 0}'}}, "above 0"),
    "time limit below 0": ({"files": SCRIPT, "data": {"config": '{"time_limit": -5}'}}, "above 0"),
    "unknown process": ({"data": {"process": "__init__"}}, "sleep"),
    "process from elsewhere": ({"data": {"process": "../sleep"}}, "sleep"),
    "nothing": ({"data": {"name": "x"}}, "needs a script"),
    "surrogate in config": ({"files": SCRIPT, "data": {"config": '{"queue": "\\ud800"}'}}, "queue"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_400_in_words_and_leaves_no_file(api, case):
    request, words = REFUSED[case]
    before = api.on_share()
    answer = api.http.post("/jobs", **request)
    assert answer.status_code == 400, answer.text
    detail = answer.json()["detail"]
    assert (detail["code"], detail["message"]) == (400, "Bad Request")
    assert words in detail["details"]
    assert api.on_share() == before


@pytest.mark.parametrize("decorator", ["cache", "functools.wraps(print)", "my.decorator(queue=3)", "pixyz_schedule"])
def test_any_decorator_may_stand_on_the_entry_point(api, decorator):
    assert api.send(f"@{decorator}\ndef main(pc, params): pass\n").status_code == 200


@pytest.mark.parametrize(
    "config",
    [
        '{"task_id": "11111111-1111-4111-8111-111111111111"}',
        '{"uuid": "11111111-1111-4111-8111-111111111111"}',
        '{"expires": 0}',
        '{"countdown": 99999}',
        '{"eta": "2099-01-01"}',
        '{"\\ud800": 1}',
    ],
)
def test_an_option_that_is_not_the_clients_is_ignored_with_a_warning(api, config):
    answer = api.send(config=config)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["uuid"] != "11111111-1111-4111-8111-111111111111"
    assert "ignored" in " ".join(told["warnings"])
    assert api.http.get(f"/jobs/{told['uuid']}").json()["status"] == "PENDING"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("outputs/views", 404),
        ("outputs/..%2Finputs%2Fjob.py", 400),
        ("outputs/../inputs/job.py", 404),
        ("outputs/%2Fetc%2Fpasswd", 400),
        ("outputs/gone", 404),
    ],
)
def test_what_is_no_output_is_refused_in_words(api, path, status):
    job_id = api.new_job()
    api.output(job_id, "views/front.png", b"png")
    answer = api.http.get(f"/jobs/{job_id}/{path}")
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]["details"]


def test_a_full_disk_is_507_in_words_and_nothing_stays_on_it(store_url, tmp_path, request):
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.decode().strip()}")
    request.addfinalizer(lambda: subprocess.run(["umount", disk], check=True))
    with running(settings_for(store_url, tmp_path, share_path=disk)) as api:
        answer = api.send(files={"file": ("part.step", bytes(3 << 20))})
        assert answer.status_code == 507, answer.text
        assert "part.step" in answer.json()["detail"]["details"]
        assert api.on_share() == []
        assert api.send(files={"file": ("part.step", bytes(1000))}).status_code == 200


def test_asking_for_the_outputs_of_any_uuid_makes_no_folder(api):
    stranger, before = uuid.uuid4(), api.on_share()
    for path in ("outputs", "outputs/a", "outputs/archive", "details"):
        assert api.http.get(f"/jobs/{stranger}/{path}").status_code == 404
    assert api.on_share() == before


def test_a_failed_job_has_its_task_meta_its_name_and_its_error(api):
    job_id = api.new_job(name="bracket")
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.FAILURE, "script_error", "ValueError: no such part"), traceback="Trace")
    meta = api.http.get(f"/backend/get_task_meta/{job_id}").json()
    assert (meta["status"], meta["task_id"], meta["traceback"]) == ("FAILURE", job_id, "Trace")
    details = api.http.get(f"/jobs/{job_id}/details").json()
    assert (details["status"], details["name"]) == ("FAILURE", "bracket")
    assert "no such part" in api.http.get(f"/jobs/{job_id}").json()["error"]
