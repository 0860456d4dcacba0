"""The record and its Lua: each script in each state. Time is given, never waited for."""

import itertools
import uuid

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import BadInput, JobNotFound, StoreUnavailable
from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.retry import TryAgain
from pixyz_scheduler.jobs.state import FOLLOWS, TERMINAL, JobState
from tests.contract.record_steps import AGAIN, DONE, FAILED, OTHER, OWNER, REACHED, claim, pass_time, put, state, submit


def test_a_submission_that_the_server_reads_too_late_makes_no_job(store, client):
    """Its sender was told that Redis does not answer, and has sent it again, or given up."""
    late, in_time = str(uuid.uuid4()), str(uuid.uuid4())
    assert store.run("submit", late, "cpu", store.now_ms - 1, "", "", "v", "1") == -1
    assert client.keys("ps:*") == []
    assert store.run("submit", in_time, "cpu", store.now_ms, "", "", "v", "1") == 1
    # Sent twice because the first answer was lost: it is there, however late.
    assert store.run("submit", in_time, "cpu", store.now_ms - 1, "", "", "v", "1") == 0


def test_a_new_job_waits_in_line_and_shows_as_pending(store, job_id):
    report = store.report(job_id)
    assert (report.state, report.status, report.queue, report.epoch) == (JobState.SENT, JobState.PENDING, "cpu", 0)
    assert report.job.params == '{"a": 1}'
    assert report.job.submitted == 1000.0


@pytest.mark.parametrize("reached", REACHED)
def test_an_id_that_is_taken_is_not_overwritten(store, job_id, reached):
    put(store, job_id, reached)
    before = store.report(job_id)
    assert not store.submit(Job(job_id, "sleep", JobOptions(queue="gpu"), submitted=0.0))
    assert store.report(job_id) == before


@pytest.mark.parametrize(
    ("reached", "verdict"),
    [
        (JobState.SENT, "run"),
        (JobState.STARTED, "taken"),
        (JobState.RUNNING, "taken"),
        (JobState.RETRY, "run"),
        (JobState.SUCCESS, "done"),
        (JobState.FAILURE, "done"),
        (JobState.REVOKED, "done"),
    ],
)
def test_a_claim_by_another_worker(store, job_id, reached, verdict):
    put(store, job_id, reached)
    queue = "gpuhigh" if reached is JobState.RETRY else "cpu"
    assert claim(store, job_id, OTHER, queue).verdict == verdict


def test_a_claim_that_is_repeated_by_its_holder_is_the_same_claim(store, job_id):
    first = claim(store, job_id)
    assert claim(store, job_id) == first
    assert first.report.epoch == 1


def test_a_doorbell_of_a_queue_that_the_job_has_left_is_dropped(store, job_id):
    put(store, job_id, JobState.RETRY)
    assert claim(store, job_id, OTHER, "cpu").verdict == "taken"
    assert claim(store, job_id, OTHER, "gpuhigh").verdict == "run"


def test_an_unknown_job_is_unknown_to_every_script(store):
    nobody = JobId(str(uuid.uuid4()))
    assert claim(store, nobody).verdict == "unknown"
    assert store.renew(nobody, lease=OWNER) == "lost"
    assert store.commit(nobody, DONE, lease=OWNER) is None
    assert not store.forget(nobody)
    for ask in (store.cancel, store.report):
        with pytest.raises(JobNotFound, match=nobody):
            ask(nobody)


@pytest.mark.parametrize("reached", REACHED)
@pytest.mark.parametrize("lease", [OWNER, OTHER])
def test_only_the_holder_of_a_running_job_may_renew(store, job_id, reached, lease):
    put(store, job_id, reached)
    held = reached in (JobState.STARTED, JobState.RUNNING) and lease is OWNER
    assert store.renew(job_id, lease=lease) == ("go_on" if held else "lost")


@pytest.mark.parametrize("reached", REACHED)
@pytest.mark.parametrize("decision", [DONE, FAILED, AGAIN])
def test_a_commit_without_the_fence_changes_nothing(store, job_id, reached, decision):
    put(store, job_id, reached)
    before = store.report(job_id)
    assert store.commit(job_id, decision, lease=OTHER) is None
    assert store.report(job_id) == before


@pytest.mark.parametrize("reached", [JobState.STARTED, JobState.RUNNING])
@pytest.mark.parametrize(("decision", "end"), [(DONE, "SUCCESS"), (FAILED, "FAILURE"), (AGAIN, "RETRY")])
def test_a_commit_by_the_holder_counts_once_however_often_it_is_sent(store, job_id, client, reached, decision, end):
    put(store, job_id, reached)
    fields = {"result": '{"x": 1}'}
    assert store.commit(job_id, decision, lease=OWNER, fields=fields).value == end
    after, events = store.report(job_id), client.xlen("ps:ev")
    assert store.commit(job_id, decision, lease=OWNER, fields=fields).value == end
    assert (store.report(job_id), client.xlen("ps:ev")) == (after, events)


def test_a_failure_and_its_text_become_visible_in_one_moment(store, job_id):
    put(store, job_id, JobState.FAILURE)
    report = store.report(job_id)
    assert (report.state, report.error, report.cause) == (JobState.FAILURE, "ValueError: x", "script_error")


def test_the_next_attempt_counts_on_and_starts_with_fresh_progress(store, job_id):
    put(store, job_id, JobState.RUNNING)
    store.commit(job_id, AGAIN, lease=OWNER)
    report = claim(store, job_id, OTHER, "gpuhigh").report
    assert (report.epoch, report.tally, report.retries, report.progress) == (2, Tally(crashes=1), 1, Progress())
    assert report.error == "signal 11"


@pytest.mark.parametrize(
    ("reached", "answer", "end"),
    [
        (JobState.SENT, "REVOKED", JobState.REVOKED),
        (JobState.RETRY, "REVOKED", JobState.REVOKED),
        (JobState.STARTED, "cancelling", JobState.STARTED),
        (JobState.RUNNING, "cancelling", JobState.RUNNING),
        (JobState.SUCCESS, "SUCCESS", JobState.SUCCESS),
        (JobState.FAILURE, "FAILURE", JobState.FAILURE),
        (JobState.REVOKED, "REVOKED", JobState.REVOKED),
    ],
)
def test_a_cancel_in_each_state(store, job_id, reached, answer, end):
    put(store, job_id, reached)
    assert store.cancel(job_id) == answer
    assert state(store, job_id) is end


@pytest.mark.parametrize("decision", [DONE, FAILED, AGAIN])
def test_a_cancel_that_came_first_wins_over_every_end(store, job_id, decision):
    put(store, job_id, JobState.RUNNING)
    store.cancel(job_id)
    assert store.renew(job_id, lease=OWNER) == "stop"
    assert store.commit(job_id, decision, lease=OWNER, fields={"result": "1"}) is JobState.REVOKED
    report = store.report(job_id)
    assert (report.cause, report.result) == ("cancelled", None)


def test_the_worker_of_a_cancelled_job_is_told_at_once(store, job_id, client):
    claim(store, job_id)
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("ps:ctl:w1")
    listener.get_message(timeout=5)
    store.cancel(job_id)
    assert listener.get_message(timeout=5)["data"] == job_id
    listener.close()


def test_a_lease_that_runs_out_is_found_by_any_sweeper(store, job_id):
    claim(store, job_id)
    pass_time(store, 6)
    assert store.sweep().expired == ()
    pass_time(store, 2)
    assert store.sweep().expired == (job_id,)
    assert store.fence_of(job_id) == OWNER


def test_a_renewed_lease_does_not_run_out(store, job_id):
    claim(store, job_id)
    for _ in range(20):
        pass_time(store, 1)
        assert store.renew(job_id, lease=OWNER) == "go_on"
    assert store.sweep().expired == ()


def test_an_outage_or_a_step_of_the_clock_expires_nobody(store, job_id):
    claim(store, job_id)
    for jump in (3_600_000, -7_200_000, 86_400_000):
        store.now_ms += jump
        assert store.sweep().expired == ()
    assert store.renew(job_id, lease=OWNER) == "go_on"


def test_a_sweeper_may_not_end_a_lease_that_lives(store, job_id):
    claim(store, job_id)
    assert store.commit(job_id, AGAIN, lease=OWNER, by="sweeper") is None
    assert state(store, job_id) is JobState.STARTED


def test_two_sweepers_end_a_lost_attempt_once_and_its_worker_learns_that_it_is_lost(store, job_id):
    claim(store, job_id)
    pass_time(store, 8)
    lost = TryAgain("gpuhigh", Tally(crashes=1), "worker_lost", "lost")
    assert store.commit(job_id, lost, lease=OWNER, by="sweeper") is JobState.RETRY
    assert store.commit(job_id, lost, lease=OWNER, by="sweeper") is JobState.RETRY
    assert store.report(job_id).tally == Tally(crashes=1)
    assert store.renew(job_id, lease=OWNER) == "lost"
    assert store.commit(job_id, DONE, lease=OWNER) is None
    assert state(store, job_id) is JobState.RETRY


def test_a_lost_doorbell_is_rung_again_and_not_too_often(store, job_id):
    assert store.sweep().bells == ()
    pass_time(store, 2)
    assert store.sweep().bells == ()
    store.now_ms += 1400
    bells = store.sweep().bells
    assert [(bell.job_id, bell.queue, bell.priority) for bell in bells] == [(job_id, "cpu", 5)]
    assert store.sweep().bells == ()


@pytest.mark.parametrize(("priority", "key"), [(0, "cpu"), (5, "cpu:5"), (9, "cpu:9")])
def test_a_doorbell_that_still_lies_in_the_queue_is_not_rung_again(store, client, priority, key):
    submit(store, priority=priority)
    client.lpush(key, "message")
    for _ in range(10):
        store.now_ms += 1000
        assert store.sweep().bells == ()


def test_a_queue_that_holds_fewer_doorbells_than_jobs_in_line_has_its_longest_unheard_rung(store, job_id, client):
    client.lpush("cpu:5", "the other one's message")
    store.now_ms += 1000
    submit(store)
    for _ in range(4):
        store.now_ms += 1000
        bells = store.sweep().bells
        if bells:
            break
    assert [bell.job_id for bell in bells] == [job_id]


def test_the_doorbells_of_less_urgent_jobs_do_not_hide_that_an_urgent_one_is_gone(store, client):
    """Those may lie there for days, as long as something more urgent comes."""
    patient, urgent = submit(store, priority=9), submit(store, priority=1)
    client.lpush("cpu:9", "the patient one's", "a cancelled one's", "another's")
    pass_time(store, 2.5)
    store.now_ms += 600
    assert [bell.job_id for bell in store.sweep().bells] == [urgent]
    assert store.report(patient).state is JobState.SENT


def test_when_all_doorbells_are_lost_each_is_rung_before_any_is_rung_twice(store):
    ids = {submit(store) for _ in range(10)}
    pass_time(store, 2.5)
    store.now_ms += 500
    rung = []
    for _ in range(5):
        store.now_ms += 100
        rung += [bell.job_id for bell in store.sweep(limit=2).bells]
    assert (set(rung), len(rung)) == (ids, 10)


def test_what_points_to_a_record_that_was_evicted_stops_no_sweep_and_goes(store, client):
    waiting, held, delayed, whole = (submit(store) for _ in range(4))
    claim(store, held)
    claim(store, delayed)
    store.commit(delayed, TryAgain("cpu", Tally(hindrances=1), "infrastructure", "x", delay=1.0), lease=OWNER)
    client.delete(*(f"ps:job:{gone}" for gone in (waiting, held, delayed)))
    pass_time(store, 8)
    assert store.sweep().expired == ()
    for index in ("ps:waiting:cpu:5", "ps:leases", "ps:delayed"):
        assert set(client.zrange(index, 0, -1)) <= {whole}


def test_a_claim_that_is_asked_again_because_its_answer_was_lost_buys_a_whole_lease(store, job_id):
    claim(store, job_id)
    pass_time(store, 5)
    assert claim(store, job_id).verdict == "run"
    pass_time(store, 6)
    assert store.sweep().expired == ()


def test_a_delayed_job_may_not_be_taken_before_its_time_and_is_rung_then(store, job_id):
    claim(store, job_id)
    store.commit(job_id, TryAgain("cpu", Tally(hindrances=1), "infrastructure", "disk full", delay=2.0), lease=OWNER)
    assert claim(store, job_id, OTHER).verdict == "taken"
    pass_time(store, 1)
    assert claim(store, job_id, OTHER).verdict == "taken"
    store.now_ms += 1000
    assert [bell.job_id for bell in store.sweep().bells] == [job_id]
    assert claim(store, job_id, OTHER).verdict == "run"


def test_a_delayed_job_can_be_cancelled_and_is_not_rung(store, job_id):
    claim(store, job_id)
    store.commit(job_id, TryAgain("cpu", Tally(hindrances=1), "infrastructure", "x", delay=1.0), lease=OWNER)
    assert store.cancel(job_id) == "REVOKED"
    pass_time(store, 5)
    assert store.sweep().bells == ()


def test_the_scripts_follow_the_table(store):
    """Every step that any script makes, from every state, is one that the table allows."""
    acts = [
        lambda job_id: claim(store, job_id, OTHER),
        lambda job_id: claim(store, job_id, OTHER, "gpuhigh"),
        lambda job_id: store.renew(job_id, lease=OWNER, progress=Progress(total=1)),
        lambda job_id: store.commit(job_id, DONE, lease=OWNER),
        lambda job_id: store.commit(job_id, FAILED, lease=OWNER),
        lambda job_id: store.commit(job_id, AGAIN, lease=OWNER),
        store.cancel,
        store.delete,
        lambda job_id: store.run_again(job_id, queue="cpu"),
        lambda _: store.sweep(),
    ]
    steps = set()
    for reached, act in itertools.product(REACHED, acts):
        job_id = submit(store)
        put(store, job_id, reached)
        act(job_id)
        after = state(store, job_id)
        if after is not reached:
            steps.add((reached, after))
    assert all(before.may_become(after) for before, after in steps)
    stored = {JobState.SENT, JobState.STARTED, JobState.RUNNING, JobState.RETRY}
    ended = {JobState.SUCCESS, JobState.FAILURE, JobState.REVOKED}
    assert {before for before, _ in steps} == stored | ended
    assert all(FOLLOWS[end] == {JobState.SENT} for end in TERMINAL)


def test_forgetting_removes_an_ended_job_from_everywhere_and_a_living_one_from_nowhere(store, client):
    ended, living = submit(store, name="a"), submit(store, name="a")
    put(store, ended, JobState.SUCCESS)
    assert store.forget(ended)
    assert not store.forget(living)
    with pytest.raises(JobNotFound):
        store.report(ended)
    assert [report.job.id for report in list_jobs(store, JobFilter(name="a")).reports] == [living]
    for key in client.scan_iter("ps:*"):
        if client.type(key) == "zset":
            assert ended not in client.zrange(key, 0, -1), key


def test_every_index_agrees_with_the_records(store, client):
    for reached in REACHED:
        put(store, submit(store, name="n"), reached)
    for report in list_jobs(store, JobFilter()).reports:
        indexed = [key for key in client.scan_iter("ps:state:*") if client.zscore(key, report.job.id) is not None]
        assert indexed == [f"ps:state:{report.state.value}"]
        queues = [key for key in client.scan_iter("ps:queue:*") if client.zscore(key, report.job.id) is not None]
        assert queues == [f"ps:queue:{report.queue}"]
        waits = client.zscore(f"ps:waiting:{report.queue}:5", report.job.id) is not None
        assert waits == report.state.is_waiting
        assert (client.zscore("ps:leases", report.job.id) is not None) == report.state.is_held
        assert (client.zscore("ps:finished", report.job.id) is not None) == report.state.is_terminal


def test_pages_hold_each_job_once_newest_first_also_within_one_moment(store):
    ids = [submit(store) for _ in range(7)]
    store.now_ms += 1000
    ids += [submit(store) for _ in range(4)]
    seen, cursor = [], None
    while True:
        page = list_jobs(store, JobFilter(), limit=3, cursor=cursor)
        seen += [report.job.id for report in page.reports]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    assert set(seen[:4]) == set(ids[7:])


def test_a_listing_is_narrowed_by_status_name_queue_and_time(store):
    a = submit(store, name="a", queue="gpu")
    b = submit(store, name="a")
    store.now_ms += 5000
    c = submit(store, name="b")
    put(store, c, JobState.SUCCESS)

    def ask(**wanted):
        return {report.job.id for report in list_jobs(store, JobFilter(**wanted)).reports}

    assert ask(name="a") == {a, b}
    assert ask(name="a", queue="gpu") == {a}
    assert ask(status=JobState.SUCCESS) == {c}
    assert ask(status=JobState.PENDING) == {a, b}
    assert ask(status=JobState.PENDING, queue="cpu") == {b}
    assert ask(since=1004.0) == {c}
    assert ask(name="nobody") == set()


@pytest.mark.parametrize("cursor", ["x", "1:", "a:b", ":"])
def test_a_cursor_that_is_not_ours_is_refused(store, cursor):
    with pytest.raises(BadInput, match="cursor"):
        list_jobs(store, JobFilter(), cursor=cursor)


def test_a_store_that_is_away_is_said_in_words(tmp_path):
    store = RecordStore(connect(f"unix://{tmp_path}/nobody.sock"))
    with pytest.raises(StoreUnavailable, match="Redis does not answer"):
        store.report(JobId(str(uuid.uuid4())))


def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(store, client):
    client.script_flush()
    submit(store)
    client.script_flush()
    assert store.sweep().expired == ()
