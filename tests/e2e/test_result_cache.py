"""The same work is not done twice, through API and worker."""

import io
import json
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOX = ROOT / "samples" / "box.step"
CONVERT = ("process", "-n", "convert_file", "-wb")


def convert(cli, *more, params='{"extensions": ["obj", "glb"], "quality": "low"}', file=BOX):
    return cli(*CONVERT, "-i", file, "-p", params, *more).stdout.strip()


def test_a_conversion_is_done_once_and_its_files_are_both_jobs(api, cli, stack, tmp_path):
    first = convert(cli, "--cache")
    second = convert(cli, "--cache", params='{"quality": "low", "extensions": ["obj", "glb"]}')
    one, two = (api.get(f"/jobs/{uuid}/details").json() for uuid in (first, second))
    assert (one["status"], one["cached_from"]) == ("SUCCESS", None)
    assert (two["status"], two["cached_from"], two["result"]) == ("SUCCESS", first, one["result"])
    names = api.get(f"/jobs/{first}/outputs").json()["outputs"]
    assert api.get(f"/jobs/{second}/outputs").json()["outputs"] == names
    for name in names:
        contents = [api.get(f"/jobs/{uuid}/outputs/{name}").content for uuid in (first, second)]
        assert contents[0] == contents[1]
        assert (stack.share / second / "outputs" / name).stat().st_nlink == 2
    cli("download_all", "-j", second, "-o", tmp_path / "all.zip")
    packed = zipfile.ZipFile(io.BytesIO((tmp_path / "all.zip").read_bytes()))
    assert sorted(packed.namelist()) == sorted(names)
    assert f"cached:   from {first}" in cli("details", "-j", second).stdout
    assert f"Not run: job {first} has done the same work" in cli("logs", "-j", second).stdout
    assert f"answered by the outputs of job {first}" in stack.log

    other = tmp_path / "box.step"
    other.write_bytes(BOX.read_bytes() + b"\n")
    assert api.get(f"/jobs/{convert(cli, '--cache', file=other)}/details").json()["cached_from"] is None

    # The files of a job that is gone are still those of the other, which answers from now on.
    assert api.delete(f"/jobs/{first}").status_code == 204
    assert api.get(f"/jobs/{second}/outputs/{names[0]}").status_code == 200
    assert api.get(f"/jobs/{convert(cli, '--cache')}/details").json()["cached_from"] == first

    again = api.post(f"/jobs/{second}/retry")
    assert again.status_code == 200
    cli("status", "-j", second, "-w")
    assert api.get(f"/jobs/{second}/details").json()["cached_from"] is None


def test_a_script_that_changed_by_one_byte_is_run(api, cli, tmp_path):
    script = tmp_path / "mine.py"
    source = "from pixyz_worker.script import *\n@pixyz_schedule(cache=True)\ndef main(pc, params):\n    return 1\n"
    uuids = []
    for text in (source, source, source + "#"):
        script.write_text(text)
        uuids.append(cli("exec", "-s", script, "-wb").stdout.strip())
    uuids.append(cli("exec", "-s", script, "-wb", "--no-cache").stdout.strip())
    taken = [api.get(f"/jobs/{uuid}/details").json()["cached_from"] for uuid in uuids]
    assert taken == [None, uuids[0], None, None]


def test_a_batch_of_a_process_asks_for_it_unless_told_not_to(cli, tmp_path):
    part = tmp_path / "part.step"
    part.write_bytes(BOX.read_bytes())
    ends = []
    for number, more in enumerate([(), (), ("--no-cache",)]):
        command = ("batch", part, "-n", "convert_file", "-p", '{"extension": "stl"}', "-o", tmp_path / f"out{number}")
        ends.append(json.loads(cli(*command, "--json", *more).stdout.splitlines()[0]))
    assert [end["status"] for end in ends] == ["SUCCESS"] * 3
    assert [end["cached_from"] for end in ends] == [None, ends[0]["uuid"], None]
    assert len({(tmp_path / f"out{number}" / "part.stl").read_bytes() for number in range(3)}) == 1


def test_a_batch_says_how_many_it_did_not_run(cli, tmp_path):
    part = tmp_path / "part.step"
    part.write_bytes(BOX.read_bytes())
    words = ("batch", part, "-n", "convert_file", "-p", '{"extension": "ply"}')
    cli(*words, "-o", "first")
    again = cli(*words, "-o", "second")
    assert again.stderr.splitlines()[-1] == "1 done (1 of them not run: done before) of 1."
