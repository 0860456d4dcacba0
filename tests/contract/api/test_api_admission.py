"""What a job may ask for beyond its own files: an input by URL, packages."""

import pytest

from tests.contract.api.conftest import running, settings_for

BLOCK = '# /// script\n# dependencies = ["greeting>=1"]\n# ///\ndef main(pc, params): pass\n'


@pytest.fixture(scope="module")
def open_api(store_url, tmp_path_factory):
    """An API that lets jobs have their input from elsewhere, and packages."""
    folder = tmp_path_factory.mktemp("open")
    allowed = {"allow_input_urls": ("https://models.example.com/parts", "file"), "script_dependencies": "allow"}
    with running(settings_for(store_url, folder, **allowed)) as api:
        (api.share.root / "models").mkdir()
        (api.share.root / "models" / "part.step").touch()
        yield api


def problem(answer):
    return answer.status_code, answer.json()["detail"]["details"]


@pytest.mark.parametrize("url", ["https://me:secret@models.example.com/parts/a.step", "file:models/part.step"])
def test_a_job_may_name_an_input_from_where_the_settings_say(open_api, url):
    job_id = open_api.new_job(config=f'{{"input_url": "{url}"}}')
    assert open_api.records.report(job_id).job.options.input_url == url
    assert "secret" not in open_api.http.get(f"/jobs/{job_id}/details").text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ('"https://me:secret@elsewhere.example.com/a"', "https://elsewhere.example.com/a is not allowed"),
        ('"file:models/nix.step"', "is no file on the share"),
        ('"file:../x"', "is not on the share"),
        ('"models/part.step"', "must begin with"),
        ("7", "it must be text"),
    ],
)
def test_any_other_input_is_refused_at_once(open_api, url, said):
    status, text = problem(open_api.send(config=f'{{"input_url": {url}}}'))
    assert status == 400
    assert said in text
    assert "secret" not in text


def test_without_the_setting_no_input_comes_from_elsewhere(api):
    status, text = problem(api.send(config='{"input_url": "https://models.example.com/parts/a.step"}'))
    assert status == 400
    assert "ALLOW_INPUT_URLS" in text


def test_a_file_and_an_address_are_one_too_many(open_api):
    files = {"file": ("a.step", b"x")}
    status, text = problem(open_api.send(files=files, config='{"input_url": "file:models/part.step"}'))
    assert (status, text) == (400, "A job has one input: a file, config.input_url or config.input_job.")


def test_an_earlier_job_and_an_address_are_one_too_many(open_api):
    config = '{"input_url": "file:models/part.step", "input_job": "00000000-0000-4000-8000-000000000000"}'
    assert open_api.send(config=config).status_code == 400


def test_packages_that_may_be_missing_are_told_at_once(api, open_api):
    warning = (
        "The script needs greeting>=1. SCRIPT_DEPENDENCIES is off here: it fails on a worker that does not have them."
    )
    assert api.send(BLOCK).json()["warnings"] == [warning]
    assert open_api.send(BLOCK).json()["warnings"] == []


def test_a_block_of_packages_that_cannot_be_read_is_bad_input(api):
    status, text = problem(api.send("# /// script\n# dependencies = 7\n# ///\ndef main(): pass\n"))
    assert (status, text) == (400, "job.py, line 1: dependencies must be a list of texts.")
