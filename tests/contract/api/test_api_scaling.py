"""GET /scaling/{queues}: what KEDA asks."""

import pytest

from tests.contract.record_steps import DONE


def scaling(api, queues):
    answer = api.http.get(f"/scaling/{queues}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_work_of_some_queues_is_told_together(api):
    ids = [api.new_job(config=f'{{"queue": "{queue}"}}') for queue in ("scaled-a", "scaled-a", "scaled-b")]
    assert scaling(api, "scaled-a") == {"waiting": 2, "running": 0, "outstanding": 2}
    assert api.claim(ids[0], queue="scaled-a").verdict == "run"
    assert scaling(api, "scaled-a,scaled-b") == {"waiting": 2, "running": 1, "outstanding": 3}
    api.commit(ids[0], DONE)
    for job_id in ids[1:]:
        api.http.post(f"/jobs/{job_id}/cancel")
    assert scaling(api, "scaled-a,scaled-b") == {"waiting": 0, "running": 0, "outstanding": 0}


def test_a_queue_that_nobody_has_used_is_no_mistake(api):
    assert scaling(api, "some-day") == {"waiting": 0, "running": 0, "outstanding": 0}


@pytest.mark.parametrize("queues", ["cpu,", ",", "cpu,%20zip", "a:b", "-x", "cpu;zip", "x" * 65])
def test_what_cannot_be_a_queue_s_name_is_400_and_says_what_can(api, queues):
    answer = api.http.get(f"/scaling/{queues}")
    assert answer.status_code == 400
    assert "is not a queue's name: 1 to 64 letters, digits" in answer.json()["detail"]["details"]


def test_too_many_queues_are_400(api):
    answer = api.http.get("/scaling/" + ",".join(f"q{number}" for number in range(101)))
    assert answer.status_code == 400
    assert "at most 100" in answer.json()["detail"]["details"]


def test_no_queue_at_all_is_404(api):
    assert api.http.get("/scaling/").status_code == 404
