"""What a job has written: lists, files, ranges, conditions, archives, and no way out of its folder."""

import http.client
import io
import os
import uuid
import zipfile
from urllib.parse import urlsplit

import pytest

from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage import archive

DATA = bytes(range(256)) * 5000
SIZE = len(DATA)


@pytest.fixture(scope="module")
def job(api):
    job_id = api.new_job()
    for name, data in [("big.bin", DATA), ("views/iso.png", b"png"), ("é 🙂 #?%.txt", b"text"), ("empty.glb", b"")]:
        api.output(job_id, name, data)
    return job_id


def get(api, job_id, path, **headers):
    return api.http.get(f"/jobs/{job_id}/outputs/{path}", headers=headers)


def raw(api, method, path):
    """Without a client library that tidies the path up."""
    where = urlsplit(api.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    connection.request(method, path, headers={"x-api-key": api.http.headers["x-api-key"]})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body.decode()


def test_outputs_are_listed_as_relative_paths(api, job):
    answer = api.http.get(f"/jobs/{job}/outputs")
    assert answer.json() == {"outputs": ["big.bin", "empty.glb", "views/iso.png", "é 🙂 #?%.txt"]}


def test_a_file_arrives_byte_for_byte(api, job):
    answer = get(api, job, "big.bin")
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"


def test_every_listed_name_can_be_asked_for(api, job):
    assert get(api, job, "%C3%A9%20%F0%9F%99%82%20%23%3F%25.txt").text == "text"
    assert get(api, job, "views/iso.png").content == b"png"
    assert get(api, job, "empty.glb").content == b""


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.glb", "model/gltf-binary"),
        ("a.GLB", "model/gltf-binary"),
        ("a.gltf", "model/gltf+json"),
        ("a.step", "model/step"),
        ("a.stp", "model/step"),
        ("a.usdz", "model/vnd.usdz+zip"),
        ("a.stl", "model/stl"),
        ("a.obj", "model/obj"),
        ("a.png", "image/png"),
        ("a.json", "application/json"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.zip", "application/zip"),
        ("a.unheard-of", "application/octet-stream"),
        ("glb", "model/gltf-binary"),
    ],
)
def test_a_file_says_what_it_is(api, name, media_type):
    job_id = api.new_job()
    api.output(job_id, name, b"1")
    answer = get(api, job_id, name)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'inline; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"


def test_a_name_of_any_letters_is_told_in_the_header(api, job):
    disposition = get(api, job, "%C3%A9%20%F0%9F%99%82%20%23%3F%25.txt").headers["content-disposition"]
    assert disposition.endswith("; filename*=UTF-8''%C3%A9%20%F0%9F%99%82%20%23%3F%25.txt")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=600000-1200000", 600_000, 1_200_000),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes=5-{SIZE * 2}", 5, SIZE - 1),
    ],
)
def test_a_range_is_answered_with_that_part(api, job, asked, first, last):
    answer = get(api, job, "big.bin", Range=asked)
    assert (answer.status_code, answer.content) == (206, DATA[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "", "bytes"])
def test_a_range_that_says_nothing_is_answered_with_the_file(api, job, asked):
    answer = get(api, job, "big.bin", Range=asked)
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize(
    ("name", "asked"), [("big.bin", f"bytes={SIZE}-"), ("big.bin", "bytes=-0"), ("empty.glb", "bytes=0-")]
)
def test_a_range_beyond_the_file_is_416(api, job, name, asked):
    answer = get(api, job, name, Range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE if name == 'big.bin' else 0}"
    assert answer.json()["detail"]["code"] == 416


def test_a_file_that_the_client_has_is_not_sent_again(api, job):
    first = get(api, job, "big.bin")
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for condition in ({"If-None-Match": etag}, {"If-None-Match": f'"x", W/{etag}'}, {"If-None-Match": "*"}):
        again = get(api, job, "big.bin", **condition)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert get(api, job, "big.bin", **{"If-Modified-Since": modified}).status_code == 304
    assert get(api, job, "big.bin", **{"If-None-Match": '"x"', "If-Modified-Since": modified}).status_code == 200
    assert get(api, job, "big.bin", **{"If-Modified-Since": "long ago"}).status_code == 200


def test_a_download_is_resumed_only_where_the_file_is_the_same(api, job):
    first = get(api, job, "big.bin")
    for same in (first.headers["etag"], first.headers["last-modified"]):
        assert get(api, job, "big.bin", **{"Range": "bytes=5-9", "If-Range": same}).status_code == 206
    for other in ('"x"', "Thu, 01 Jan 1970 00:00:00 GMT", "?"):
        assert get(api, job, "big.bin", **{"Range": "bytes=5-9", "If-Range": other}).status_code == 200


def test_a_file_that_was_written_anew_has_another_etag(api):
    job_id = api.new_job()
    path = api.output(job_id, "a.txt", b"1")
    before = get(api, job_id, "a.txt").headers["etag"]
    path.write_bytes(b"22")
    assert get(api, job_id, "a.txt", **{"If-None-Match": before}).text == "22"


def test_head_tells_what_get_would(api, job):
    for path in ("big.bin", "empty.glb"):
        head, whole = api.http.head(f"/jobs/{job}/outputs/{path}"), get(api, job, path)
        assert (head.status_code, head.content) == (200, b"")
        told = ("content-length", "content-type", "etag", "last-modified", "content-disposition")
        assert [head.headers[name] for name in told] == [whole.headers[name] for name in told]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nothing.glb", 404, "has no file 'nothing.glb'"),
        ("views", 404, "'views' is a folder in the outputs of the job; ask for a file. It holds iso.png."),
        ("views/", 404, "is a folder"),
        ("", 404, "is a folder"),
        ("big.bin/x", 404, "has no file"),
        ("../inputs/job.py", 400, "leaves its folder"),
        ("%2e%2e/inputs/job.py", 400, "leaves its folder"),
        ("views/..%2f..%2finputs/job.py", 400, "leaves its folder"),
        ("../../../../../../etc/passwd", 400, "leaves its folder"),
        ("/etc/passwd", 400, "absolute"),
        ("%2fetc%2fpasswd", 400, "absolute"),
        ("a%00b", 400, "NUL"),
        ("%ff%fe", 404, "has no file"),
        ("x" * 5000, 404, "has no file"),
    ],
)
def test_what_is_not_an_output_is_refused_in_words(api, job, path, status, words):
    told, body = raw(api, "GET", f"/jobs/{job}/outputs/{path}")
    assert (told, words in body) == (status, True), body


def test_a_link_out_of_the_folder_is_not_followed(api):
    job_id = api.new_job()
    outputs = api.share.folder(job_id).outputs
    (outputs / "link").symlink_to("/etc/hostname")
    (outputs / "folder").symlink_to("/etc")
    os.mkfifo(outputs / "pipe")
    assert get(api, job_id, "link").status_code == 400
    assert get(api, job_id, "folder/hostname").status_code == 400
    assert get(api, job_id, "pipe").status_code == 404
    assert api.http.get(f"/jobs/{job_id}/outputs").json() == {"outputs": []}


def test_asking_for_the_files_of_an_unknown_job_makes_no_folder(api):
    before = api.on_share()
    nobody = "00000000-0000-4000-8000-000000000000"
    for path in ("outputs", "outputs/archive", "outputs/a.glb"):
        assert api.http.get(f"/jobs/{nobody}/{path}").status_code == 404
    assert api.on_share() == before


def fetch_archive(api, job_id):
    return api.http.get(f"/jobs/{job_id}/outputs/archive")


def too_early(answer, words):
    assert answer.status_code == 425
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["detail"]["message"] == "Too Early"
    assert words in answer.json()["detail"]["details"]


def test_an_archive_is_made_once_when_the_job_has_ended(api):
    job_id = api.new_job()
    too_early(fetch_archive(api, job_id), "has not ended yet: PENDING")
    api.claim(job_id)
    api.output(job_id, "a/b.txt", b"1")
    too_early(fetch_archive(api, job_id), "has not ended yet: STARTED")
    api.commit(job_id, Finish(JobState.SUCCESS), result="null")
    lengths = set()
    for _ in range(3):
        too_early(fetch_archive(api, job_id), "is being made")
        lengths.add(len(api.http.get("/jobs", params={"limit": 1000}).json()["jobs"]))
    assert len(lengths) == 1, "our own chore is listed"
    archive.pack(api.share.folder(job_id))
    answer = fetch_archive(api, job_id)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{job_id}.zip"'
    assert zipfile.ZipFile(io.BytesIO(answer.content)).read("a/b.txt") == b"1"
    assert api.http.head(f"/jobs/{job_id}/outputs/archive").headers["content-length"] == str(len(answer.content))
    part = api.http.get(f"/jobs/{job_id}/outputs/archive", headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, b"PK")


def test_an_archive_that_could_not_be_made_says_why(api):
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.SUCCESS), result="null")
    too_early(fetch_archive(api, job_id), "is being made")
    # Its id follows from the outputs, so that N callers have one made.
    chore = JobId(str(uuid.uuid5(uuid.UUID(job_id), archive.manifest(api.share.folder(job_id)))))
    api.claim(chore, queue="zip")
    api.commit(chore, Finish(JobState.FAILURE, "script_error", "the disk is full"))
    answer = fetch_archive(api, job_id)
    assert (answer.status_code, "the disk is full" in answer.text) == (404, True)
    too_early(fetch_archive(api, job_id), "is being made")
