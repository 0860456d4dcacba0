"""POST /jobs: every field, every way to send it, and every way to send it wrong, which leaves nothing on the share."""

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

SCRIPT = "def main(pc, params):\n    return params\n"


def record(api, answer):
    assert answer.status_code == 200, answer.text
    return api.records.report(answer.json()["uuid"])


def part(name, value, filename=None):
    said = f'Content-Disposition: form-data; name="{name}"'
    said += f'; filename="{filename}"' if filename is not None else ""
    return f"--limit\r\n{said}\r\n\r\n{value}\r\n"


def post(api, body, content_type="multipart/form-data; boundary=limit"):
    return api.http.post("/jobs", content=body, headers={"content-type": content_type} if content_type else {})


def test_every_field_reaches_the_record_and_the_share(api):
    answer = api.send(
        SCRIPT,
        filename="job.py",
        files={"file": ("cube.step", b"ISO-10303-21;")},
        params='{"a": [1, "\\u00e9"]}',
        name="bracket é",
        config='{"queue": "gpu", "time_limit": 60, "root_file": "a/b.step", "raw": true, "priority": 0}',
    )
    report = record(api, answer)
    assert (report.job.process, report.job.script, report.job.input_file) == ("custom", "job.py", "cube.step")
    assert (report.job.name, report.job.params) == ("bracket é", '{"a":[1,"\\u00e9"]}')
    options = report.job.options
    assert (options.queue, options.time_limit, options.root_file) == ("gpu", 60.0, "a/b.step")
    assert (options.raw, options.priority, options.entrypoint) == (True, 0, "main")
    folder = api.share.folder(report.job.id)
    assert folder.input("job.py").read_text() == SCRIPT
    assert folder.input("cube.step").read_bytes() == b"ISO-10303-21;"


def test_a_named_process_needs_no_file_at_all(api):
    for sent in ({"data": {"process": "sleep"}}, {"files": {"process": (None, "sleep")}}):
        assert record(api, api.http.post("/jobs", **sent)).job.process == "sleep"


def test_a_url_encoded_form_works_where_there_are_no_files(api):
    answer = api.http.post("/jobs", data={"process": "sleep", "params": '{"é": 1}', "name": "n", "script": ""})
    assert answer.request.headers["content-type"] == "application/x-www-form-urlencoded"
    report = record(api, answer)
    assert (report.job.params, report.job.name) == ('{"\\u00e9":1}', "n")


def test_empty_fields_and_files_without_a_name_count_as_absent(api):
    body = part("script", SCRIPT, "a.py") + part("file", "", "") + "".join(part(n, "") for n in ("params", "config"))
    body += part("process", "") + part("name", "  ") + "--limit--\r\n"
    report = record(api, post(api, body))
    assert (report.job.input_file, report.job.params, report.job.name) == (None, "{}", None)


@pytest.mark.parametrize("absent", ["file", "script"])
def test_empty_text_for_a_file_counts_as_absent(api, absent):
    others = part("script", SCRIPT, "a.py") if absent == "file" else part("process", "sleep")
    assert record(api, post(api, part(absent, "") + others + "--limit--")).job.input_file is None


def test_an_empty_file_with_a_name_is_a_file(api):
    report = record(api, api.send(SCRIPT, files={"file": ("cube.step", b"")}))
    assert report.job.input_file == "cube.step"


def test_script_and_input_may_have_one_name(api):
    report = record(api, api.send(SCRIPT, filename="a.py", files={"file": ("a.py", b"not a script")}))
    assert {report.job.script, report.job.input_file} == {"a.py", "a_2.py"}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('filename="é €.step"', "é €.step"),
        ("filename*=UTF-8''%E2%82%AC.step", "€.step"),
        ("filename*=iso-8859-1'en'%E9.step", "é.step"),
        ('filename="a%22b.step"', "a_b.step"),
        ("filename=bare.step", "bare.step"),
        (r'filename="C:\\work\\cube.step"', "cube.step"),
        ('filename="../../etc/cube.step"', "cube.step"),
    ],
)
def test_a_file_is_named_in_many_ways(api, said, name):
    head = f'--limit\r\nContent-Disposition: form-data; name="file"; {said}\r\n\r\nx\r\n'
    assert record(api, post(api, head + part("process", "sleep") + "--limit--")).job.input_file == name


def test_a_large_file_arrives_byte_for_byte_in_any_chunks(api):
    data = bytes(range(256)) * 4096 * 3 + b"\r\n--limi" * 1000
    body = part("script", SCRIPT, "a.py").encode() + part("file", "@", "big.bin").encode().replace(b"@", data)
    body += b"--limit--\r\n"

    def chunks():
        for start in range(0, len(body), 65_521):
            yield body[start : start + 65_521]

    report = record(api, post(api, chunks()))
    assert api.share.folder(report.job.id).input("big.bin").read_bytes() == data


def test_the_decorator_gives_defaults_that_config_overrides(api):
    source = "@pixyz_schedule(queue='gpu', timeout=60)\n" + SCRIPT
    report = record(api, api.send(source, config='{"time_limit": 30}'))
    assert (report.job.options.queue, report.job.options.time_limit) == ("gpu", 30.0)
    waiting = "@pixyz_schedule(wait=True)\n" + SCRIPT
    assert record(api, api.send(waiting)).job.options.queue == "control"


@pytest.mark.parametrize("name", ["task_id", "uuid", "script", "data", "shadow", "expires", "countdown"])
def test_what_is_not_the_clients_to_set_is_ignored_with_a_warning(api, name):
    sent = "11111111-1111-1111-1111-111111111111"
    answer = api.send(SCRIPT, config=f'{{"{name}": "{sent}"}}')
    assert record(api, answer).job.id != sent
    assert len(answer.json()["warnings"]) == 1
    assert f"config.{name} " in answer.json()["warnings"][0]


def test_unknown_fields_are_ignored_with_a_warning(api):
    answer = api.send(SCRIPT, parms="{}", files={"extra": ("a", b"1")})
    assert record(api, answer)
    assert [text.split(" is")[0] for text in answer.json()["warnings"]] == [
        "The field 'parms'",
        "The field 'extra'",
    ]


def test_null_in_config_means_the_default(api):
    report = record(api, api.send(SCRIPT, config='{"queue": null, "time_limit": null, "entrypoint": null}'))
    assert (report.job.options.queue, report.job.options.entrypoint) == ("cpu", "main")
    assert record(api, api.send(SCRIPT, config="null", params="null")).job.params == "{}"


BAD_FIELDS = [
    ({"params": "{"}, "params is not JSON"),
    ({"params": "[1]"}, "params must be a JSON object ({...}), not list"),
    ({"params": '{"a": NaN}'}, "params is not JSON: NaN"),
    ({"params": "[" * 5000}, "params is not JSON"),
    ({"config": "{"}, "config is not JSON"),
    ({"config": "[]"}, "config must be a JSON object ({...}), not list"),
    ({"config": '"cpu"'}, "config must be a JSON object"),
    ({"config": '{"time_limit": 0}'}, "config.time_limit is 0: it must be a number of seconds above 0"),
    ({"config": '{"time_limit": -1}'}, "config.time_limit is -1"),
    ({"config": '{"time_limit": "soon"}'}, "config.time_limit is 'soon'"),
    ({"config": '{"queue": "a b"}'}, "queue 'a b' is not a queue's name"),
    ({"config": '{"queue": 7}'}, "config.queue is 7"),
    ({"config": '{"priority": 10}'}, "config.priority is 10"),
    ({"config": '{"raw": "yes"}'}, "config.raw is 'yes'"),
    ({"config": '{"entrypoint": "nope"}'}, "nope"),
    ({"config": '{"entrypoint": "a-b"}'}, "a-b"),
    ({"name": "n" * 201}, "name has 201 characters; at most 200"),
    ({"process": "sleep"}, "Send either the process 'sleep' or a script, not both"),
]


def refused(api, answer, words, before, status=400):
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert detail["code"] == status
    assert words in detail["details"]
    assert api.on_share() == before, "something was left on the share"


@pytest.mark.parametrize(("fields", "words"), BAD_FIELDS, ids=lambda value: str(value)[:40])
def test_a_bad_field_is_refused_in_words(api, fields, words):
    before = api.on_share()
    refused(api, api.send(SCRIPT, files={"file": ("cube.step", b"x" * 10)}, **fields), words, before)


BAD_SCRIPTS = [
    ("def main(:\n", "line 1"),
    (b"\x00\x01\x02\xff", "job.py"),
    (b"\x7fELF\x02\x01\x01" + bytes(64), "job.py"),
    ("", "main"),
    ("main = 1\n", "main"),
    ("class A:\n    def main(self): pass\n", "main"),
]


@pytest.mark.parametrize(("source", "words"), BAD_SCRIPTS, ids=range(len(BAD_SCRIPTS)))
def test_a_bad_script_is_refused_in_words(api, source, words):
    before = api.on_share()
    refused(api, api.send(source), words, before)


@pytest.mark.parametrize("decorator", ["@decorated", "@a.b.c", "@pixyz_schedule", "@pixyz_schedule(queue=QUEUE)"])
def test_any_decorator_may_stand_on_the_entry_point(api, decorator):
    assert api.send(f"{decorator}\n{SCRIPT}").status_code == 200


BAD_FORMS = [
    (None, "", "A job needs a script, or the name of a process. Processes: silent, sleep."),
    (None, part("process", "sleep"), "The body has no Content-Type"),
    ("application/json", '{"process": "sleep"}', "The body is application/json; send multipart/form-data"),
    ("text/plain", "x", "The body is text/plain"),
    ("multipart/form-data", part("process", "sleep"), "lacks its boundary"),
    ("multipart/form-data; boundary=", part("process", "sleep"), "lacks its boundary"),
    (
        "multipart/form-data; boundary=other",
        part("process", "sleep") + "--limit--",
        "ends before its last boundary, --other--",
    ),
    ("multipart/form-data; boundary=limit", "", "multipart/form-data"),
    ("multipart/form-data; boundary=limit", part("process", "sleep"), "ends before its last boundary"),
    ("multipart/form-data; boundary=limit", part("script", SCRIPT, "a.py")[:-20], "ends before its last boundary"),
    ("multipart/form-data; boundary=limit", "--limit\r\nno header\r\n\r\n", "not valid multipart"),
    ("multipart/form-data; boundary=limit", "--limit\r\nContent-Type: text/plain\r\n\r\nx\r\n--limit--", "not valid"),
    ("multipart/form-data; boundary=limit", part("script", SCRIPT) + "--limit--", "script must be a file, not text"),
    (
        "multipart/form-data; boundary=limit",
        part("process", "sleep") + part("file", "cube.step") + "--limit--",
        "file must be a file, not text",
    ),
    (
        "multipart/form-data; boundary=limit",
        part("process", "sleep") + part("process", "sleep") + "--limit--",
        "The field process was sent twice",
    ),
    (
        "multipart/form-data; boundary=limit",
        part("script", SCRIPT, "a.py") + part("script", SCRIPT, "b.py") + "--limit--",
        "The field script was sent twice",
    ),
    (
        "multipart/form-data; boundary=limit",
        part("script", SCRIPT, "..") + "--limit--",
        "The file name '..' has nothing",
    ),
    ("multipart/form-data; boundary=limit", part("script", SCRIPT, "") + "--limit--", "The file name '' has nothing"),
    ("multipart/form-data; boundary=limit", part("x", "1") * 501 + "--limit--", "Maximum segment count"),
    (
        "multipart/form-data; boundary=limit",
        part("script", SCRIPT, "a.py").replace('filename="a.py"', "filename*=klingon''%41.py"),
        "The charset 'klingon' of a file's name is not known",
    ),
    (
        "multipart/form-data; boundary=limit",
        part("@", "").encode().replace(b"@", b"\xff"),
        "not valid multipart/form-data: Segment header failed to decode.",
    ),
    (
        "multipart/form-data; boundary=limit",
        part("name", "@").encode().replace(b"@", b"a\xff") + b"--limit--",
        "name is not UTF-8 text: byte 1 is 0xff",
    ),
    ("application/x-www-form-urlencoded", "process=sleep&process=sleep", "The field process was sent twice"),
    ("application/x-www-form-urlencoded", "script=print(1)", "script must be a file, not text"),
    ("application/x-www-form-urlencoded", "process=sleep&name=%ff", "name is not UTF-8 text"),
    ("application/x-www-form-urlencoded", "a=1&" * 200, "not valid application/x-www-form-urlencoded"),
    ("application/x-www-form-urlencoded", "process=nope", "There is no process 'nope'. Processes: silent, sleep."),
    ("application/x-www-form-urlencoded", "process=../sleep", "There is no process '../sleep'"),
    ("application/x-www-form-urlencoded", "process=__init__", "There is no process '__init__'"),
]


@pytest.mark.parametrize(("kind", "body", "words"), BAD_FORMS, ids=range(len(BAD_FORMS)))
def test_a_bad_form_is_refused_in_words(api, kind, body, words):
    before = api.on_share()
    refused(api, post(api, body, kind), words, before)


def test_a_text_field_that_is_too_long_is_refused(api):
    before = api.on_share()
    refused(api, api.send(SCRIPT, params='"' + "x" * (8 << 20) + '"'), "params has", before)
    refused(api, api.send(SCRIPT, params="x" * ((16 << 20) + 1)), "params has more than 16777216 bytes", before)


def begin_upload(api, sent, announced=9_000_000):
    """A connection on which an upload has begun that does not go on."""
    where = urlsplit(api.url)
    connection = socket.create_connection((where.hostname, where.port))
    head = f"POST /jobs HTTP/1.1\r\nHost: x\r\nx-api-key: {api.http.headers['x-api-key']}\r\n"
    head += f"Content-Type: multipart/form-data; boundary=limit\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + (part("script", SCRIPT, "a.py") + part("file", "x" * sent, "b")).encode())
    return connection


def test_slow_uploads_however_many_keep_nobody_waiting(api):
    before = api.on_share()
    with ExitStack() as slow:
        for _ in range(60):
            slow.enter_context(begin_upload(api, 1_200_000))
        assert api.http.get("/processes").status_code == 200
        assert api.send("nonsense(").status_code == 400
    assert api.settled(before)


@pytest.mark.parametrize(
    ("sent", "announced"), [(0, 9_000_000), (200, 9_000_000), (3 << 20, 9_000_000), (20 << 20, 64 << 20)]
)
def test_a_client_that_leaves_in_mid_upload_leaves_nothing(api, sent, announced):
    before, jobs = api.on_share(), api.http.get("/jobs").json()
    begin_upload(api, sent, announced).close()
    assert api.settled(before)
    assert api.http.get("/jobs").json() == jobs
