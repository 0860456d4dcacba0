"""A job with several inputs, as its script meets them."""

import io
import json
import uuid
import zipfile
from dataclasses import replace

import pytest

from pixyz_scheduler.intake.submission import with_inputs
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState

SOURCE = """
import os

def main(pc, params):
    folder = pc.get_input_dir()
    with open(pc.get_input_file()) as file:
        text = file.read()
    return {"main": os.path.basename(pc.get_input_file()), "text": text, "there": sorted(os.listdir(folder)),
            "same": os.path.dirname(pc.get_input_file()) == folder, "all": pc.get("input_files")}
"""


def run(bench, files, *, root_file=None, **context):
    job_id = JobId(str(uuid.uuid4()))
    with bench.share.incoming() as incoming:
        for kind, name, data in [("script", "script.py", SOURCE.encode()), *(("input", *each) for each in files)]:
            with incoming.create(kind, name) as file:
                file.write(data)
        incoming.adopt(job_id)
    job = Job(job_id, "custom", JobOptions(root_file=root_file), 0.0, script="script.py")
    assert bench.records.submit(replace(with_inputs(job, [name for name, _ in files]), **context))
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert report.state is JobState.SUCCESS, report.traceback
    return json.loads(report.result)


def packed(**files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in files.items():
            file.writestr(name.replace("_", "."), text)
    return archive.getvalue()


@pytest.mark.parametrize(("root_file", "main"), [(None, "b.step"), ("a.step", "a.step")])
def test_the_main_one_is_the_input_file_and_the_others_lie_beside_it(fork_bench, root_file, main):
    seen = run(fork_bench, [("b.step", b"b.step"), ("a.step", b"a.step")], root_file=root_file)
    assert (seen["main"], seen["text"], seen["same"]) == (main, main, True)
    assert seen["there"] == ["a.step", "b.step", "script.py"]
    assert [path.rpartition("/")[2] for path in seen["all"]] == ["b.step", "a.step"]


def test_an_archive_that_comes_first_is_unpacked_and_the_others_lie_in_it(fork_bench):
    files = [("car.zip", packed(car_step="the car", door_step="a door")), ("look.json", b"{}")]
    seen = run(fork_bench, files)
    assert (seen["main"], seen["text"], seen["same"]) == ("car.step", "the car", True)
    assert seen["there"] == ["car.step", "door.step", "look.json"]
    assert run(fork_bench, files, root_file="door.step")["text"] == "a door"


def test_one_input_is_as_it_was(fork_bench):
    seen = run(fork_bench, [("a.step", b"a")])
    assert (seen["main"], seen["there"], seen["all"]) == ("a.step", ["a.step", "script.py"], None)


def test_a_record_of_before_has_no_list_of_inputs(fork_bench):
    job_id = fork_bench.submit("def main(pc, params): pass\n")
    assert "input_files" not in fork_bench.records.record(job_id)
    assert fork_bench.records.report(job_id).job.input_files == ()
