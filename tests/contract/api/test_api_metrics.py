"""GET /metrics: what is told has the names and labels that are documented; it costs little, and needs no store."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families as text_to_families
from pydantic import SecretStr

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Farm, Worker
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.jobs.queues import NAMED_QUEUES
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.monitoring import names
from pixyz_scheduler.monitoring.health_figures import ShareHealth
from pixyz_scheduler.settings.store_url import StoreUrl
from pixyz_scheduler.surroundings import Surroundings
from tests.contract.api.conftest import running, settings_for

SCRIPT = {"script": ("a.py", b"def main(pc, params):\n    pass\n")}
# The library's own.
OTHERS = ("process_",)


def told(http):
    """Families by name."""
    return {family.name: family for family in text_to_families(http.get("/metrics").text)}


def told_once(api, true):
    """The same, as soon as this is so: what is told may be a second old."""
    while not true(families := told(api.http)):
        time.sleep(0.02)
    return families


def values(family):
    """Without the moments at which counters began."""
    found = {}
    for sample in family.samples:
        part = sample.name.removeprefix(family.name)
        labels = {**sample.labels, **({"part": part} if part in ("_sum", "_count") else {})}
        if part != "_created":
            found[tuple(sorted(labels.items()))] = sample.value
    return found


@pytest.fixture
def fresh(store_url, tmp_path):
    """An API of the test's own."""
    with running(settings_for(store_url, tmp_path)) as api:
        yield api


@pytest.fixture
def busy(fresh):
    """One of which every metric has something to tell."""
    job_id = fresh.new_job()
    fresh.claim(job_id)
    fresh.commit(job_id, Finish(JobState.FAILURE, "signal", "It crashed."), hops="1500 20000 3000")
    worker = Worker("w", ("cpu",), slots=2, host="h", pid=1, version="1", started=0.0, busy=1)
    Farm(fresh.records).announce(worker)
    return fresh


def is_busy(families):
    slots = families.get("pixyz_slots_busy")
    return slots is not None and bool(slots.samples)


def test_every_metric_that_is_told_is_documented_with_its_labels_and_kind(busy):
    known = {named.name.removesuffix("_total").removesuffix("_info"): named for named in names.ALL}
    for name, family in told_once(busy, is_busy).items():
        if name.startswith(OTHERS) or name.endswith("_created"):
            continue
        named = known[name.removesuffix("_info")]
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels <= set(named.labels), name
        assert (family.type, family.documentation) in ((named.kind, named.text), ("gauge", named.text)), name


def test_every_metric_of_api_and_farm_that_is_documented_is_told(busy):
    # Those that a farm without such things does not have.
    absent = {names.SEATS.name, names.STORE_MEMORY_LIMIT.name, names.JOB_RETRIES.name}
    there = set(told_once(busy, is_busy))
    for named in names.ALL:
        if named.teller != "worker" and named.name not in absent:
            assert named.name.removesuffix("_total") in there, named.name


def test_a_job_that_ended_is_counted_and_timed(busy):
    families = told_once(busy, is_busy)
    labels = (("outcome", "signal"), ("process", "custom"), ("queue", "cpu"))
    assert values(families["pixyz_jobs_ended"]) == {labels: 1.0}
    runs = {sample.labels.get("le"): sample.value for sample in families["pixyz_job_run_seconds"].samples}
    assert (runs["0.02"], runs["0.05"], runs["+Inf"]) == (0.0, 1.0, 1.0)
    assert values(families["pixyz_slots_busy"]) == {(("queues", "cpu"),): 1.0}
    assert values(families["pixyz_workers"])[("doing", "working"), ("queues", "cpu")] == 1.0


def test_what_is_of_the_farm_is_the_same_from_another_api_that_has_seen_nothing_of_it(busy):
    with running(busy.settings) as another:
        theirs, ours = told_once(another, is_busy), told_once(busy, is_busy)
    # A job's time in line goes on between two looks.
    farm = {named.name.removesuffix("_total") for named in names.ALL if named.teller == "farm"}
    moving = {names.STORE_MEMORY.name, names.QUEUE_OLDEST.name}
    for name in (farm & set(ours)) - moving:
        assert values(ours[name]) == values(theirs[name]), name
    assert values(ours["pixyz_http_requests"]) != values(theirs["pixyz_http_requests"])


def test_what_is_uploaded_is_counted_in_bytes_and_a_queue_that_was_invented_makes_no_series(fresh):
    for number in range(3):
        fresh.http.post("/jobs", files=SCRIPT, data={"config": f'{{"queue": "invented-{number}"}}'})
    families = told_once(fresh, lambda found: found["pixyz_queues_unserved"].samples[0].value == 3)
    assert families["pixyz_upload_bytes"].samples[0].value >= 3 * len(SCRIPT["script"][1])
    assert values(families["pixyz_jobs_submitted"]) == {(("queue", "other"),): 3.0}
    assert not [sample for family in families.values() for sample in family.samples if "invented" in str(sample)]


def test_nobody_without_the_key_reads_them(api):
    assert api.http.get("/metrics", headers={"x-api-key": "wrong"}).status_code == 401


def test_scrapers_however_many_cost_the_store_one_look_a_second(fresh):
    with connect(fresh.settings.store_url) as client:

        def looks(scrapes):
            client.config_resetstat()
            with ThreadPoolExecutor(8) as scrapers:
                assert {answer.status_code for answer in scrapers.map(fresh.http.get, ["/metrics"] * scrapes)} == {200}
            return client.info("commandstats").get("cmdstat_zcount", {"calls": 0})["calls"] / len(NAMED_QUEUES)

        # On a slow machine they last for longer than a second.
        assert looks(200) <= 20


def test_a_process_tells_its_own_figures_while_the_store_is_away(store_url, tmp_path):
    settings = settings_for(store_url, tmp_path)
    nowhere = StoreUrl(socket=str(tmp_path / "nothing.sock")).kombu
    with running(settings.model_copy(update={"celery_broker_url": SecretStr(nowhere)})) as api:
        families = told(api.http)
    assert families["pixyz_store_up"].samples[0].value == 0
    assert values(families["pixyz_store_durability"])[(("level", "unknown"),)] == 1
    assert families["pixyz_share_free_bytes"].samples[0].value > 0
    assert "pixyz_http_requests" in families
    assert "pixyz_jobs_ended" not in families


def test_a_share_that_is_gone_or_another_is_told_as_down(fresh):
    with connect(fresh.settings.store_url) as client:
        surroundings = Surroundings(fresh.share, KnownShare(client))
        assert ShareHealth.look(surroundings).is_up
        root = fresh.share.root
        root.rename(root.with_name("elsewhere"))
        assert ShareHealth.look(surroundings) == ShareHealth(is_up=False)
        root.mkdir()
        another = ShareHealth.look(surroundings)
        assert (another.is_up, another.size) == (False, shutil.disk_usage(root).total)
        root.rmdir()
        root.with_name("elsewhere").rename(root)
