"""The checker of workflows is known to be able to fail: facts that keep its invariants, and facts that break them."""

import json
from dataclasses import replace

import pytest

from tests.chaos.beacons import Beats
from tests.chaos.checker import INVARIANTS, check
from tests.chaos.facts import Event, Facts, Folder, Hold
from tests.chaos.plans import Plan
from tests.chaos.shapes import Shape
from tests.chaos.told import Accepted, Again, Cancel, Deletion, Final, Rebuilt, Resumed

JOB, P0, P1, BODY = "job", "sub-0", "sub-1", "sub-body"
SHAPE = Shape("chord", 2)
NAMES = {P0: "part0", P1: "part1", BODY: "body"}


def ended(job_id, got):
    return {"attempt": f"{job_id}-a", "name": NAMES[job_id], "got": got}


PARTS = [ended(P0, {"number": 0}), ended(P1, {"number": 1})]
WHOLE = ended(BODY, PARTS)


def record(job_id, **changed):
    fields = {
        "process": "custom",
        "state": "SUCCESS",
        "cause": "",
        "epoch": "1",
        "crashes": "0",
        "committed_by": f"fence-{job_id}/owner",
        "script": "job.py",
        "attempts": json.dumps([{"number": 1, "outcome": "success", "worker": "host-11-aa"}]),
    }
    return {**fields, **changed}


def sub_task(job_id, result, **changed):
    step = {"name": NAMES[job_id], "crashes": False}
    kin = {"parent": JOB, "root": JOB, "inputs_of": JOB, "outputs_of": JOB}
    return record(job_id, **kin, context=json.dumps({"step": step}), result=json.dumps(result), **changed)


RECORDS = {
    JOB: record(JOB, result=json.dumps(WHOLE)),
    P0: sub_task(P0, PARTS[0]),
    P1: sub_task(P1, PARTS[1]),
    BODY: sub_task(
        BODY, WHOLE, after=f"{P0} {P1}", needs=json.dumps({"list": [{"job": P0}, {"job": P1}]}), started="5.0"
    ),
}
BEATS = (
    Beats(JOB, f"{JOB}-a", 1.0, 2.0, ended=True),
    Beats(P0, f"{P0}-a", 2.0, 3.0, ended=True),
    Beats(P1, f"{P1}-a", 2.0, 4.0, ended=True),
    Beats(BODY, f"{BODY}-a", 5.0, 6.0, ended=True),
)
SOUND = Facts(
    accepted=(Accepted(JOB, Plan("workflow", shape=SHAPE)),),
    events=tuple(Event(job, state, 1, 1.0) for job in RECORDS for state in ("SENT", "STARTED", "SUCCESS")),
    holds=tuple(Hold(job, 1, "host-11-aa", f"fence-{job}") for job in RECORDS),
    finals=(Final(JOB, {"status": "SUCCESS", "result": WHOLE, "error": None}),),
    records=RECORDS,
    parents=dict.fromkeys(NAMES, JOB),
    waits={f"ps:children:{JOB}": frozenset(NAMES)},
    folders=(Folder(JOB, {"job.py": 100}),),
    mirrored={JOB: RECORDS[JOB]},
    beats=BEATS,
    resumed=(Resumed("later", "SUCCESS", {"part0": "a"}, {"part0": "a", "part1": "b"}),),
)


TOLD = {"status": "SUCCESS", "result": WHOLE, "error": None, "children": [P0, P1]}
WITH_A_FOLDER = (*SOUND.folders, Folder(P0, {}))


def with_record(job_id, **changed):
    mirrored = {JOB: {**RECORDS[JOB], **changed}} if job_id == JOB else SOUND.mirrored
    return replace(SOUND, records={**RECORDS, job_id: {**RECORDS[job_id], **changed}}, mirrored=mirrored)


def without(*job_ids):
    left = {job_id: one for job_id, one in RECORDS.items() if job_id not in job_ids}
    return replace(SOUND, records=left, waits={})


def history(*outcomes):
    return json.dumps(
        [{"number": n, "outcome": outcome, "worker": "host-11-aa"} for n, outcome in enumerate(outcomes, start=1)]
    )


def with_beats(*beats):
    return replace(SOUND, beats=(*SOUND.beats, *beats))


REMOVED = replace(
    SOUND, records={}, folders=(), mirrored={}, finals=(), waits={}, deletions=(Deletion(JOB, 1.0, 204, 9.0, 404),)
)
REVOKED = {"state": "REVOKED", "cause": "cancelled", "attempts": "[]", "epoch": "0", "result": ""}
CANCELLED = replace(
    SOUND,
    cancels=(Cancel(JOB, 1.0, 1.1, 200, "REVOKED"),),
    events=tuple(Event(job, state, 0, 1.0) for job in RECORDS for state in ("SENT", "REVOKED")),
    records={job_id: {**one, **REVOKED} for job_id, one in RECORDS.items()},
    mirrored={JOB: {**RECORDS[JOB], **REVOKED}},
    finals=(),
    beats=(),
)
LOST = {"state": "FAILURE", "cause": "worker_lost", "epoch": "2", "crashes": "1", "committed_by": f"fence-{P0}/sweeper"}
FAILED = replace(
    SOUND,
    holds=(),
    finals=(),
    beats=(BEATS[0], BEATS[2]),
    events=tuple(
        Event(job, state, 1, 1.0)
        for job, end in ((JOB, "FAILURE"), (P0, "FAILURE"), (P1, "SUCCESS"), (BODY, "FAILURE"))
        for state in ("SENT", "STARTED", end)
    ),
    records={
        JOB: {**RECORDS[JOB], "state": "FAILURE", "cause": "child_failed"},
        P0: {**RECORDS[P0], **LOST, "attempts": history("worker_lost", "worker_lost")},
        P1: RECORDS[P1],
        BODY: {**RECORDS[BODY], "state": "FAILURE", "cause": "upstream_failed", "epoch": "0", "attempts": "[]"},
    },
    mirrored={JOB: {**RECORDS[JOB], "state": "FAILURE", "cause": "child_failed"}},
)


def failed_with(job_id, **changed):
    return replace(FAILED, records={**FAILED.records, job_id: {**FAILED.records[job_id], **changed}})


BROKEN = {
    "workflows link once": [
        without(P1),
        replace(SOUND, records={**RECORDS, "twin": RECORDS[P1]}),
        replace(SOUND, records={**RECORDS, "what": record("what", parent=JOB)}),
        with_record(P0, state="FAILURE"),
        # Another result, another order, another one's.
        with_record(JOB, result=json.dumps(PARTS[0])),
        with_record(BODY, result=json.dumps(ended(BODY, PARTS[::-1]))),
        with_record(BODY, result=json.dumps(ended(BODY, [PARTS[0]]))),
        with_record(BODY, needs=json.dumps({"list": [{"job": P1}, {"job": P0}]})),
        with_record(BODY, needs=""),
        with_record(P0, needs=json.dumps({"job": P1})),
        # It began too early, or once more than is known.
        replace(SOUND, beats=(*BEATS[:3], Beats(BODY, f"{BODY}-a", 3.5, 6.0, ended=True))),
        replace(SOUND, beats=(*BEATS[:2], replace(BEATS[2], ended=False), BEATS[3])),
        with_beats(Beats(P0, "ghost", 0.1, 0.2, ended=True)),
        replace(
            with_record(JOB, result=json.dumps({"attempt": f"{JOB}-a", "tuple": [P0, P1]})),
            accepted=(Accepted(JOB, Plan("workflow", shape=replace(SHAPE, waits=False))),),
        ),
    ],
    "sub-tasks end as planned": [
        with_record(P0, state="FAILURE", cause="script_error", attempts=history("script_error")),
        with_record(P0, state="FAILURE", cause="worker_lost", attempts=history("worker_lost")),
        with_record(P0, **REVOKED),
        with_record(BODY, state="FAILURE", cause="upstream_failed", epoch="0"),
        with_record(BODY, state="FAILURE", cause="child_failed"),
        with_record(P0, state="REJECTED"),
        failed_with(BODY, epoch="1"),
        # It was to crash once.
        replace(SOUND, accepted=(Accepted(JOB, Plan("workflow", shape=replace(SHAPE, crashes="part0"))),)),
    ],
    "jobs end as planned": [
        with_record(JOB, state="FAILURE", cause="child_failed"),
        with_record(JOB, state="FAILURE", cause="timeout"),
    ],
    "nobody waits for ever": [
        replace(SOUND, waits={"ps:ripe": frozenset({JOB})}),
        replace(SOUND, waits={"ps:awaiting": frozenset({"gone"})}),
        replace(SOUND, waits={"ps:roused": frozenset({BODY})}),
        replace(SOUND, waits={f"ps:next:{P0}": frozenset({BODY})}),
        replace(SOUND, waits={"ps:next:gone": frozenset({"gone as well"})}),
        replace(SOUND, waits={f"ps:open:{JOB}": frozenset({JOB})}),
        replace(SOUND, waits={"ps:doomed": frozenset({JOB})}),
        replace(SOUND, waits={"ps:children:gone": frozenset({P0})}),
    ],
    "a cancel reaches the family": [
        replace(CANCELLED, events=(*CANCELLED.events, Event(P0, "STARTED", 1, 1.2))),
        replace(REMOVED, cancels=CANCELLED.cancels, events=(Event(BODY, "STARTED", 1, 1.2),)),
    ],
    "the family goes with it": [
        replace(REMOVED, records={P0: RECORDS[P0]}),
        replace(REMOVED, folders=(Folder(P0, {}),)),
    ],
    "unfinished workflows go on": [
        replace(SOUND, resumed=(Resumed("later", "PENDING", {}, {}),)),
        replace(SOUND, resumed=(Resumed("later", None, {}, {}),)),
        replace(SOUND, resumed=(Resumed("later", "SUCCESS", {"part0": "a"}, {"part0": "again"}),)),
        replace(SOUND, resumed=(Resumed("later", "SUCCESS", {"part0": "a"}, {}),)),
    ],
    "one end each": [
        replace(SOUND, events=(*SOUND.events, Event(P0, "SUCCESS", 1, 2.0))),
        replace(SOUND, events=(*SOUND.events, Event(P0, "SENT", 1, 2.0), Event(P0, "SUCCESS", 2, 2.0))),
        # As well where the record is gone.
        replace(REMOVED, events=(*SOUND.events, Event(P0, "SUCCESS", 1, 2.0))),
    ],
    "results are the last attempt's": [
        replace(SOUND, beats=(*BEATS, Beats(P0, "later", 3.1, 3.2, ended=True))),
        with_record(P0, result=json.dumps({**PARTS[0], "attempt": "another's"})),
    ],
    "the end is its committer's": [
        with_record(P0, committed_by="another/owner"),
        with_record(P0, epoch="2"),
    ],
    "charges are just": [with_record(P0, crashes="1", attempts=history("drained", "success"), epoch="2")],
    "no half jobs": [
        replace(SOUND, folders=()),
        with_record(P0, outputs_of=""),
    ],
    "the share brings all back": [
        replace(SOUND, rebuilt=(Rebuilt(JOB, TOLD, {**TOLD, "children": [P0]}),)),
        replace(SOUND, rebuilt=(Rebuilt(JOB, TOLD, {**TOLD, "children": []}),), folders=WITH_A_FOLDER),
        replace(SOUND, rebuilt=(Rebuilt(JOB, {**TOLD, "children": []}, {**TOLD, "children": ["who"]}),)),
        replace(SOUND, rebuilt=(Rebuilt(JOB, TOLD, {**TOLD, "children": [], "result": None}),)),
    ],
    "every record ends": [with_record(P0, state="SENT")],
}

AGAIN = tuple(Event(P0, state, 2, 2.0) for state in ("SENT", "STARTED", "SUCCESS"))
ALLOWED = {
    "all is as planned": SOUND,
    "a part was lost with its workers": FAILED,
    "it was cancelled": CANCELLED,
    "it was cancelled as a part had begun": replace(
        CANCELLED,
        events=tuple(
            Event(job, state, 0, 1.0)
            for job in RECORDS
            for state in ("SENT", *(["STARTED"] if job == P0 else []), "REVOKED")
        ),
    ),
    "it was removed": REMOVED,
    "a part that crashed once": replace(
        with_record(P0, epoch="2", crashes="1", attempts=history("signal", "success")),
        accepted=(Accepted(JOB, Plan("workflow", shape=replace(SHAPE, crashes="part0"))),),
        holds=(),
        beats=(*BEATS, Beats(P0, "first", 1.5, 1.6, ended=False)),
    ),
    "what had failed runs again with its job": replace(
        with_record(P0, epoch="2", attempts=json.dumps([{"number": 2, "outcome": "success", "worker": "host-11-aa"}])),
        holds=(),
        agains=(Again(JOB, 0),),
        events=(*(event for event in SOUND.events if event.job_id != P0), Event(P0, "FAILURE", 1, 1.0), *AGAIN),
    ),
    "a sub-task that had a folder, and no record yet": replace(
        SOUND,
        rebuilt=(Rebuilt(JOB, {**TOLD, "children": []}, {**TOLD, "children": ["unrecorded"]}),),
        folders=(*SOUND.folders, Folder("unrecorded", {})),
    ),
    "a sub-task without a folder does not come back": replace(
        SOUND, rebuilt=(Rebuilt(JOB, TOLD, {**TOLD, "children": [P0]}),), folders=WITH_A_FOLDER, mirrored=RECORDS
    ),
    "one that nobody waits for": replace(
        with_record(JOB, result=json.dumps({"attempt": f"{JOB}-a", "tuple": [BODY, [P0, P1]]})),
        accepted=(Accepted(JOB, Plan("workflow", shape=replace(SHAPE, waits=False))),),
        finals=(),
    ),
}


@pytest.mark.parametrize("facts", ALLOWED.values(), ids=ALLOWED)
def test_what_is_allowed_breaks_nothing(facts):
    assert {name: broken for name, broken in check(facts).items() if broken} == {}


@pytest.mark.parametrize(
    ("name", "facts"),
    [pytest.param(name, facts, id=f"{name} {n}") for name, some in BROKEN.items() for n, facts in enumerate(some)],
)
def test_the_invariant_breaks(name, facts):
    assert INVARIANTS[name](facts)
