"""How a worker hears: real lists in a real store, real threads."""

import json
import threading
import time
import uuid

import pytest

from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import CeleryDispatch, bell_key, queue_of
from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.broker.records import Bell
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.worker.doorbells import Doorbells


def new_id() -> JobId:
    return JobId(str(uuid.uuid4()))


class Answers:
    """Notes what was heard; holds each answer until it may end."""

    def __init__(self):
        self.heard = []
        self.gate = threading.Semaphore(0)
        self.at_work = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self, job_id, *, queue):
        with self._lock:
            self.heard.append((job_id, queue))
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        self.gate.acquire()
        with self._lock:
            self.at_work -= 1


def until(true):
    while not true():
        time.sleep(0.005)


@pytest.fixture
def dispatch(store_url, client):
    broker = store_url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    return CeleryDispatch(make_celery(broker_url=broker, result_backend=broker), client)


@pytest.fixture
def doorbells_of(store_url, client):
    """Doorbells on queues of this test's own."""

    def make(answers, *queues, slots=1, **options):
        me = Worker(name="w", queues=queues, slots=slots, host="h", pid=1, version="1", started=0.0)
        options = {"is_wanted": lambda: True, **options}
        return Doorbells(connect(store_url), client, me, answer=answers, **options)

    return make


@pytest.fixture
def queue():
    return f"wine-{uuid.uuid4()}"


def test_the_most_urgent_is_heard_first_and_then_one_queue_after_the_other(dispatch, doorbells_of, queue):
    other, answers = f"{queue}-other", Answers()
    ids = [new_id() for _ in range(5)]
    places = [(queue, 5), (queue, 5), (other, 5), (queue, 0), (other, 9)]
    for job_id, (name, priority) in zip(ids, places, strict=True):
        dispatch.ring(Bell(job_id, name, priority))
    answers.gate.release(5)
    with doorbells_of(answers, queue, other):
        until(lambda: len(answers.heard) == 5)
    assert answers.heard == [
        (ids[3], queue),
        (ids[2], other),
        (ids[0], queue),
        (ids[1], queue),
        (ids[4], other),
    ]


def test_no_more_are_taken_than_there_are_slots(dispatch, doorbells_of, queue, client):
    answers = Answers()
    for _ in range(5):
        dispatch.ring(Bell(new_id(), queue, 0))
    with doorbells_of(answers, queue, slots=2):
        until(lambda: len(answers.heard) == 2)
        assert client.llen(queue) == 3
        answers.gate.release(5)
        until(lambda: len(answers.heard) == 5)
    assert answers.most == 2


def test_a_slot_that_is_lent_is_one_more_for_as_long_as_it_is(dispatch, doorbells_of, queue, client):
    answers, lent = Answers(), [0]
    for _ in range(4):
        dispatch.ring(Bell(new_id(), queue, 0))
    with doorbells_of(answers, queue, lent=lambda: lent[0]) as doorbells:
        until(lambda: len(answers.heard) == 1)
        lent[0] = 1
        doorbells.more()
        until(lambda: len(answers.heard) == 2)
        assert client.llen(queue) == 2
        lent[0] = 0
        answers.gate.release(2)
        until(lambda: len(answers.heard) == 3)
        until(lambda: len(doorbells._running()) == 1)
        assert client.llen(queue) == 1
        answers.gate.release(2)


def test_who_leaves_hears_nothing_more_and_waits_for_what_is_at_work(dispatch, doorbells_of, queue, client):
    answers, wanted = Answers(), [True]
    doorbells = doorbells_of(answers, queue, is_wanted=lambda: wanted[0])
    with doorbells:
        dispatch.ring(Bell(new_id(), queue, 0))
        until(lambda: answers.heard)
        wanted[0] = False
        doorbells.wake()
        dispatch.ring(Bell(new_id(), queue, 0))
        threading.Timer(0.05, answers.gate.release).start()
    assert (len(answers.heard), answers.at_work, client.llen(queue)) == (1, 0, 1)


def test_what_is_no_doorbell_is_dropped_in_words(doorbells_of, dispatch, queue, client, caplog):
    answers, good = Answers(), new_id()
    answers.gate.release()
    for text in ("{", "[]", "{}", json.dumps({"headers": {"task": "their.task", "id": new_id()}})):
        client.lpush(queue, text)
    client.lpush(queue, json.dumps({"headers": {"task": "pixyz_worker.tasks.pixyz_execute", "id": "../x"}}))
    dispatch.ring(Bell(good, queue, 0))
    with doorbells_of(answers, queue):
        until(lambda: answers.heard)
    assert answers.heard == [(good, queue)]
    assert caplog.text.count("is no doorbell, and is dropped") == 5
    assert "it asks for the task their.task" in caplog.text


def test_an_answer_that_raises_costs_no_slot(dispatch, doorbells_of, queue, caplog):
    heard = []

    def answer(job_id, *, queue):  # noqa: ARG001
        heard.append(job_id)
        raise RuntimeError("out of order")

    for _ in range(3):
        dispatch.ring(Bell(new_id(), queue, 0))
    with doorbells_of(answer, queue):
        until(lambda: len(heard) == 3)
    assert caplog.text.count("could not be answered") == 3


def test_a_store_that_goes_and_comes_again_is_heard_again(dispatch, doorbells_of, queue, client):
    answers = Answers()
    answers.gate.release(2)
    with doorbells_of(answers, queue) as doorbells:
        dispatch.ring(Bell(new_id(), queue, 0))
        until(lambda: len(answers.heard) == 1)
        until(lambda: doorbells._ear_id is not None)
        client.client_kill_filter(_id=doorbells._ear_id)
        dispatch.ring(Bell(new_id(), queue, 0))
        until(lambda: len(answers.heard) == 2)


def test_a_message_of_any_priority_is_known_by_its_list(doorbells_of, dispatch, queue):
    answers, job_id = Answers(), new_id()
    answers.gate.release()
    dispatch.ring(Bell(job_id, queue, 7))
    with doorbells_of(answers, queue):
        until(lambda: answers.heard)
    assert answers.heard == [(job_id, queue)]
    assert bell_key(queue, 7) != queue


def test_queues_come_and_go(dispatch, doorbells_of, queue):
    other, answers = f"{queue}-other", Answers()
    answers.gate.release(3)
    with doorbells_of(answers, queue) as doorbells:
        doorbells.listen_on(other)
        first, second, third = new_id(), new_id(), new_id()
        dispatch.ring(Bell(first, other, 3))
        until(lambda: len(answers.heard) == 1)
        doorbells.leave(other)
        dispatch.ring(Bell(second, queue, 0))
        until(lambda: len(answers.heard) == 2)
        doorbells.leave(queue)
        doorbells.listen_on(other)
        dispatch.ring(Bell(third, other, 0))
        until(lambda: len(answers.heard) == 3)
    assert answers.heard == [(first, other), (second, queue), (third, other)]


@pytest.mark.parametrize(("key", "queue"), [("cpu", "cpu"), ("cpu:9", "cpu"), ("a:b", "a:b"), ("a:b:3", "a:b")])
def test_a_list_belongs_to_its_queue(key, queue):
    assert queue_of(key) == queue
