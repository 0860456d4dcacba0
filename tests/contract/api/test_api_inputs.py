"""What a job is given to work on: several files, an output of an earlier job; and how it is refused."""

import hashlib
import json
import os

import pytest

from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState

SCRIPT = ("job.py", "def main(pc, params): pass\n")
FAILED = Finish(JobState.FAILURE, "script_error", "ValueError: x")
UNKNOWN = "0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d"


def send(api, *files, headers=None, process=None, **config):
    sent = [] if process else [("script", SCRIPT)]
    data = {"config": json.dumps(config), **({"process": process} if process else {})}
    return api.http.post("/jobs", files=[*sent, *files], data=data, headers=headers)


def job_of(api, answer):
    assert answer.status_code == 200, answer.text
    return api.records.report(answer.json()["uuid"]).job


def inputs_of(api, job):
    return {path.name: path.read_bytes() for path in api.share.folder(job.id).inputs.iterdir()}


def refusal(answer):
    return answer.status_code, answer.json()["detail"]["details"]


PARTS = [("file", ("b.step", b"B")), ("file", ("a.step", b"A")), ("files", ("notes.txt", b"N"))]


def test_all_files_lie_among_the_inputs_and_the_first_is_the_one_to_open(api):
    job = job_of(api, send(api, *PARTS))
    assert inputs_of(api, job) == {"b.step": b"B", "a.step": b"A", "notes.txt": b"N", "job.py": SCRIPT[1].encode()}
    assert (job.input_file, job.input_files) == ("b.step", ("b.step", "a.step", "notes.txt"))


def test_root_file_names_another_one(api):
    job = job_of(api, send(api, *PARTS, root_file="a.step"))
    assert (job.input_file, job.input_files[0], job.options.root_file) == ("a.step", "b.step", None)


def test_a_root_file_that_is_none_of_them_is_refused_unless_the_first_is_an_archive(api):
    assert refusal(send(api, *PARTS, root_file="c.step")) == (
        400,
        "config.root_file is 'c.step', which is none of the files that were sent: b.step, a.step, notes.txt.",
    )
    job = job_of(api, send(api, ("files", ("car.zip", b"PK")), *PARTS, root_file="c.step"))
    assert (job.input_file, job.options.root_file) == ("car.zip", "c.step")


def test_each_file_that_was_sent_is_told_with_its_sha256(api):
    answer = send(api, *PARTS, ("file", ("empty.bin", b"")))
    sent = inputs_of(api, job_of(api, answer))
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in sent.items()}
    assert len(expected) == 5
    assert job_of(api, answer).input_hashes == expected
    assert api.http.get(f"/jobs/{answer.json()['uuid']}/details").json()["input_hashes"] == expected


def test_files_of_one_name_all_stay(api):
    files = [("file", (name, name.encode())) for name in ("a.step", "A.STEP", "sub/a.step", "job.py")]
    job = job_of(api, send(api, *files))
    assert len(job.input_files) == len(set(job.input_files)) == 4
    assert len(inputs_of(api, job)) == 5
    assert inputs_of(api, job)[job.script] == SCRIPT[1].encode()


def test_one_file_is_as_it_was(api):
    for field in ("file", "files"):
        job = job_of(api, send(api, (field, ("a.step", b"A")), root_file="not-looked-at"))
        assert (job.input_file, job.input_files, job.options.root_file) == ("a.step", (), "not-looked-at")


def test_hundreds_of_files_come_in_one_request(api):
    files = [("files", (f"part-{number}.step", b"x" * number)) for number in range(300)]
    job = job_of(api, send(api, *files))
    assert len(inputs_of(api, job)) == 301
    assert job.input_file == "part-0.step"


def test_an_empty_file_field_among_them_counts_as_absent(api):
    job = job_of(api, send(api, ("files", ("", b"")), ("file", ("a.step", b"A"))))
    assert (job.input_file, job.input_files) == ("a.step", ())


def test_text_where_files_are_expected_is_refused(api):
    answer = api.http.post("/jobs", data={"process": "sleep", "files": "a.step"})
    assert refusal(answer) == (400, "files must be a file, not text (curl: -F files=@path).")


def test_the_same_key_with_other_files_is_another_request(api):
    key = {"idempotency-key": os.urandom(8).hex()}
    first = send(api, *PARTS, headers=key)
    assert send(api, *PARTS, headers=key).json() == first.json()
    assert send(api, *PARTS[:2], headers=key).status_code == 422


@pytest.mark.parametrize("name", ["car.7z", "car.RAR"])
def test_an_archive_that_is_not_unpacked_is_refused_for_a_process_and_told_to_a_script(api, name):
    said = f"{name} is not unpacked: send .zip or .tar.gz to have it unpacked for the job."
    assert refusal(send(api, ("file", (name, b"7z")), process="sleep")) == (400, said)
    answer = send(api, ("file", (name, b"7z")))
    assert (answer.status_code, answer.json()["warnings"]) == (200, [said])


@pytest.fixture
def earlier(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.output(job_id, "car.glb", b"a car")
    api.commit(job_id, Finish(JobState.SUCCESS), result="null")
    return job_id


def test_the_only_output_of_an_earlier_job_is_the_input(api, earlier):
    job = job_of(api, send(api, input_job=earlier))
    assert inputs_of(api, job) == {"car.glb": b"a car", "job.py": SCRIPT[1].encode()}
    assert (job.input_file, job.input_files) == ("car.glb", ())


def test_one_of_many_is_named_by_its_path(api, earlier):
    api.output(earlier, "views/iso.png", b"png")
    job = job_of(api, send(api, input_job=earlier.upper(), input_path="views/iso.png"))
    assert inputs_of(api, job)["iso.png"] == b"png"
    assert refusal(send(api, input_job=earlier)) == (
        400,
        f"config.input_path must name one of the 2 outputs of job {earlier}: car.glb, views/iso.png.",
    )


def test_it_is_a_copy_that_neither_job_can_change_for_the_other(api, earlier):
    job = job_of(api, send(api, input_job=earlier))
    copy = api.share.folder(job.id).inputs / "car.glb"
    original = api.share.folder(earlier).outputs / "car.glb"
    with original.open("r+b") as file:
        file.write(b"CHANGED")
    assert copy.read_bytes() == b"a car"
    copy.write_bytes(b"mine")
    assert original.read_bytes() == b"CHANGED"
    assert copy.stat().st_mode & 0o007 == 0


def test_a_large_output_arrives_byte_for_byte(api, earlier):
    data = os.urandom(1 << 20) * 70
    api.output(earlier, "car.glb", data)
    job = job_of(api, send(api, input_job=earlier))
    assert inputs_of(api, job)["car.glb"] == data


def test_files_that_are_sent_come_before_it_unless_root_file_says_otherwise(api, earlier):
    sent = ("file", ("look.json", b"{}"))
    job = job_of(api, send(api, sent, input_job=earlier))
    assert (job.input_file, job.input_files) == ("look.json", ("look.json", "car.glb"))
    job = job_of(api, send(api, sent, input_job=earlier, root_file="car.glb"))
    assert (job.input_file, set(inputs_of(api, job))) == ("car.glb", {"look.json", "car.glb", "job.py"})


def test_a_name_that_is_taken_gets_a_number(api, earlier):
    job = job_of(api, send(api, ("file", ("car.glb", b"mine")), input_job=earlier))
    assert job.input_files == ("car.glb", "car_2.glb")
    assert inputs_of(api, job)["car_2.glb"] == b"a car"


def test_a_named_process_takes_one_too(api, earlier):
    assert job_of(api, send(api, process="sleep", input_job=earlier)).input_file == "car.glb"


@pytest.mark.parametrize(
    ("config", "status", "said"),
    [
        ({"input_job": "car"}, 400, "config.input_job is 'car': it must be the uuid of a job."),
        ({"input_job": 7}, 400, "config.input_job is 7: it must be text."),
        ({"input_job": UNKNOWN}, 404, f"config.input_job: no job has the id {UNKNOWN}."),
        (
            {"input_path": "car.glb"},
            400,
            "config.input_path is a path in the outputs of config.input_job: name that job.",
        ),
    ],
)
def test_what_names_no_job_is_refused_and_leaves_nothing(api, config, status, said):
    before = api.on_share()
    assert refusal(send(api, **config)) == (status, said)
    assert api.on_share() == before


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("cat.glb", 404, "has no file 'cat.glb' in its outputs"),
        ("views", 404, "is a folder in the outputs"),
        ("../inputs/job.py", 400, "leaves its folder"),
        ("/etc/passwd", 400, "is absolute"),
        ("link", 400, "is a link that leaves"),
    ],
)
def test_what_names_no_output_is_refused_and_leaves_nothing(api, earlier, path, status, said, tmp_path):
    api.output(earlier, "views/iso.png", b"png")
    (api.share.folder(earlier).outputs / "link").symlink_to(tmp_path)
    before = api.on_share()
    code, details = refusal(send(api, input_job=earlier, input_path=path))
    assert (code, said in details) == (status, True), details
    assert api.on_share() == before


def test_a_job_without_outputs_is_404(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.SUCCESS), result="null")
    assert refusal(send(api, input_job=job_id)) == (404, f"config.input_job: job {job_id} has no outputs.")


def test_a_job_that_has_not_ended_is_425_and_to_be_asked_for_again(api):
    job_id = api.new_job()
    answer = send(api, input_job=job_id)
    assert refusal(answer) == (425, f"config.input_job: job {job_id} has not ended yet: PENDING.")
    assert answer.headers["retry-after"] == "1"


def test_a_job_that_failed_is_409(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.output(job_id, "half.glb", b"ha")
    api.commit(job_id, FAILED)
    assert refusal(send(api, input_job=job_id)) == (
        409,
        f"config.input_job: job {job_id} has ended as FAILURE, and its outputs may not be whole.",
    )


def test_the_same_key_gives_the_same_answer_when_the_earlier_job_is_gone(api, earlier):
    key = {"idempotency-key": os.urandom(8).hex()}
    first = send(api, headers=key, input_job=earlier)
    assert first.status_code == 200
    assert api.http.delete(f"/jobs/{earlier}").status_code == 204
    again = send(api, headers=key, input_job=earlier)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert send(api, headers=key, input_job=UNKNOWN).status_code == 422


def test_a_refused_one_frees_its_key(api, earlier):
    key = {"idempotency-key": os.urandom(8).hex()}
    assert send(api, headers=key, input_job=UNKNOWN).status_code == 404
    assert send(api, headers=key, input_job=earlier).status_code == 200


def test_a_share_that_is_away_is_503(api, earlier):
    away = api.share.root.rename(api.share.root.with_name("elsewhere"))
    try:
        assert send(api, input_job=earlier).status_code == 503
    finally:
        away.rename(api.share.root)
