"""`pixyz_worker.tasks.cleanup_share_file`, as a user's program calls it."""

from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_worker.tasks import cleanup_share_file
from tests.contract.api.conftest import KEY


def test_a_program_has_a_job_removed_with_its_folder_and_its_record(api, monkeypatch):
    monkeypatch.setenv("PIXYZ_URL", api.url)
    monkeypatch.setenv("PIXYZ_TOKEN", KEY)
    job_id = api.new_job()
    api.claim(job_id)
    api.commit(job_id, Finish(JobState.SUCCESS), result="1")
    api.output(job_id, "a.txt", b"a")
    assert cleanup_share_file(job_id) is True
    assert not api.share.folder(job_id).exists()
    assert api.http.get(f"/jobs/{job_id}").status_code == 404
