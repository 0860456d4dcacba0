"""Which doorbells count as jobs of a worker that does so many in its life."""

from pixyz_scheduler.worker.activity import Activity


def test_a_doorbell_in_vain_is_none_of_the_jobs_that_a_worker_does():
    activity, last = Activity(most=1), []
    activity.on_last = lambda: last.append("called")
    with activity.answering() as of_a_cancelled_job:
        assert of_a_cancelled_job.is_wanted
    assert (activity.is_over, last) == (False, [])
    with activity.answering() as doorbell:
        assert doorbell.is_wanted
        doorbell.take()
        assert (activity.is_over, last) == (True, ["called"])
    assert activity.begun == 2


def test_a_doorbell_beside_the_last_one_is_passed_on_until_that_one_was_in_vain():
    activity = Activity(most=1)
    with activity.answering() as first:
        with activity.answering() as second:
            assert (first.is_wanted, second.is_wanted) == (True, False)
        assert not activity.is_over
    with activity.answering() as third:
        assert third.is_wanted


def test_a_worker_without_a_number_answers_any():
    activity = Activity()
    for _ in range(3):
        with activity.answering() as doorbell:
            assert doorbell.is_wanted
            doorbell.take()
    assert not activity.is_over
