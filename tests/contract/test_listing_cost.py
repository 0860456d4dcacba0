"""A page costs as many commands in the store among many jobs as among few, whatever it asks for."""

import uuid

import pytest

from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState

LIMIT = 10


@pytest.fixture
def family(store):
    """A job and its sub-tasks, the oldest of all, with another name than the rest."""
    parent = JobId(str(uuid.uuid4()))
    assert store.submit(Job(parent, "custom", JobOptions(queue="gpu"), submitted=0.0, name="rare"))
    for _ in range(2 * LIMIT):
        store.now_ms += 1
        child = JobId(str(uuid.uuid4()))
        job = Job(child, "custom", JobOptions(queue="gpu"), submitted=0.0, name="rare", parent=parent, root=parent)
        assert store.submit(job)
        store.cancel(child)
    return parent


def fill(store, count):
    for _ in range(count):
        store.now_ms += 1
        job = Job(JobId(str(uuid.uuid4())), "custom", JobOptions(), submitted=0.0, name="usual")
        assert store.submit(job)


def calls(client):
    stats = client.info("commandstats")
    return sum(row["calls"] for name, row in stats.items() if name != "cmdstat_info")


WANTED = [
    *({}, {"status": JobState.SENT}, {"status": JobState.REVOKED}, {"queue": "cpu"}, {"queue": "gpu"}, {"parent": ""}),
    *({"name": "usual"}, {"name": "rare"}, {"parent": "its"}, {"name": "usual", "status": JobState.REVOKED}),
    *({"parent": "its", "status": JobState.REVOKED}, {"parent": "its", "status": JobState.SENT}),
]


@pytest.mark.parametrize(
    "wanted", WANTED, ids=[" ".join(f"{k}={v}" for k, v in each.items()) or "all" for each in WANTED]
)
def test_each_page_costs_the_same_among_ten_times_the_jobs(store, client, family, wanted):
    if wanted.get("parent") == "its":
        wanted = {**wanted, "parent": family}

    def pages():
        costs, cursor = [], None
        for _ in range(2):
            before = calls(client)
            page = list_jobs(store, JobFilter(**wanted), limit=LIMIT, cursor=cursor)
            costs.append((calls(client) - before, len(page.reports)))
            cursor = page.cursor
            if cursor is None:
                break
        return costs

    fill(store, 6 * LIMIT)
    pages()
    few = pages()
    fill(store, 60 * LIMIT)
    assert pages() == few


def test_a_familys_pages_follow_each_other_without_a_gap(store, family):
    fill(store, LIMIT)
    seen, cursor = [], None
    while True:
        page = list_jobs(store, JobFilter(parent=family), limit=3, cursor=cursor)
        seen += [report.job.submitted for report in page.reports]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 2 * LIMIT
