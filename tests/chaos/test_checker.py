"""The checker is known to be able to fail: each invariant on made-up facts that keep it, and on facts that break it."""

import json
from dataclasses import replace

import pytest

from tests.chaos.beacons import Beats
from tests.chaos.checker import INVARIANTS, check
from tests.chaos.facts import Event, Facts, Fault, Folder, Hold
from tests.chaos.plans import Plan
from tests.chaos.test_links import BROKEN as BROKEN_WORKFLOWS
from tests.chaos.told import Accepted, Again, Archives, Cancel, Deletion, Final, Rebuilt

JOB, OTHER = "job-1", "job-2"
DETAILS = {"status": "SUCCESS", "result": {"attempt": "b"}, "error": None}


def attempt(number, outcome):
    return {"number": number, "outcome": outcome, "worker": f"host-{10 + number}-aa"}


def record(**changed):
    history = changed.pop("history", [attempt(1, "worker_lost"), attempt(2, "success")])
    fields = {
        "process": "custom",
        "state": "SUCCESS",
        "cause": "",
        "epoch": "2",
        "crashes": "1",
        "committed_by": "fence-2/owner",
        "script": "job.py",
        "attempts": json.dumps(history),
    }
    return {**fields, **changed}


def told_to_leave(at):
    return (Fault("spot machine", "w0", at, at, 11),)


def events(*states):
    return tuple(Event(JOB, state, number, float(number)) for number, state in enumerate(states))


SOUND = Facts(
    accepted=(Accepted(JOB, Plan(), key="k"), Accepted(JOB, Plan(), key="k", replayed=True)),
    events=events("SENT", "STARTED", "RETRY", "STARTED", "RUNNING", "SUCCESS"),
    holds=(Hold(JOB, 1, "host-11-aa", "fence-1"), Hold(JOB, 2, "host-12-bb", "fence-2")),
    finals=(Final(JOB, DETAILS),),
    records={JOB: record()},
    folders=(Folder(JOB, {"job.py": 100}),),
    mirrored={JOB: record()},
    beats=(Beats(JOB, "a", 1.0, 2.0, ended=False), Beats(JOB, "b", 3.0, 4.0, ended=True)),
    archives=(Archives(JOB, frozenset({"same"}), 4, (f"{JOB}.zip",)),),
)


DELETED = replace(SOUND, records={}, folders=(), mirrored={}, finals=(), deletions=(Deletion(JOB, 1.0, 204, 4.0, 404),))
ANEW = record(crashes="0", history=[attempt(2, "success")])
AGAIN = replace(
    SOUND,
    agains=(Again(JOB, 0), Again(JOB, 200)),
    events=events("SENT", "STARTED", "FAILURE", "SENT", "STARTED", "SUCCESS"),
    records={JOB: ANEW},
    mirrored={JOB: ANEW},
    finals=(Final(JOB, {**DETAILS, "status": "FAILURE"}, holds=False), Final(JOB, DETAILS)),
)
# In line again, and cancelled before a worker took it.
UNTAKEN = record(state="REVOKED", crashes="0", committed_by="", history=[])
CANCELLED_AGAIN = replace(
    AGAIN,
    events=events("SENT", "STARTED", "FAILURE", "SENT", "REVOKED"),
    cancels=(Cancel(JOB, 1.0, 1.1, 200, "REVOKED"),),
    records={JOB: UNTAKEN},
    mirrored={JOB: UNTAKEN},
    finals=(AGAIN.finals[0], Final(JOB, {**DETAILS, "status": "REVOKED"})),
)
WITHOUT_SHARE = Fault("share gone", "share", 10.0, 20.0)


def with_record(**changed):
    return replace(SOUND, records={JOB: record(**changed)}, mirrored={JOB: record(**changed)})


BROKEN = {
    "every accepted job ends": [
        replace(SOUND, records={}),
        with_record(state="RETRY"),
    ],
    "every record ends": [
        replace(SOUND, records={**SOUND.records, OTHER: record(state="SENT")}),
        replace(SOUND, records={**SOUND.records, OTHER: record(state="SENT", process="_archive")}),
    ],
    "one end each": [
        replace(SOUND, events=events("SENT", "STARTED", "SUCCESS", "SUCCESS")),
        replace(SOUND, events=events("SENT", "STARTED", "SUCCESS", "STARTED")),
        replace(SOUND, events=events("SENT", "STARTED", "FAILURE", "REVOKED")),
        replace(SOUND, gaps=1),
        # Nobody has asked for that, or nobody was heard.
        replace(SOUND, events=AGAIN.events),
        replace(SOUND, agains=AGAIN.agains),
    ],
    "ends never change": [
        replace(SOUND, finals=(Final(JOB, DETAILS, ({**DETAILS, "error": "late"},)),)),
        replace(SOUND, finals=(Final(JOB, {**DETAILS, "status": "FAILURE"}),)),
    ],
    "attempts never overlap": [
        replace(SOUND, beats=(Beats(JOB, "a", 1.0, 3.5, ended=False), Beats(JOB, "b", 3.0, 4.0, ended=True))),
        # What a frozen and lost attempt writes later on.
        replace(SOUND, beats=(Beats(JOB, "a", 1.0, 9.0, ended=False), Beats(JOB, "b", 3.0, 4.0, ended=True))),
    ],
    "the end is its committer's": [
        with_record(committed_by="fence-1/owner"),
        with_record(committed_by=""),
        with_record(committed_by="fence-2/sweeper"),
        with_record(history=[attempt(2, "success")]),
        with_record(history=[attempt(1, "worker_lost"), attempt(2, "worker_lost"), attempt(2, "success")]),
        # Nobody has run it again; and a success is some attempt's.
        replace(SOUND, records={JOB: UNTAKEN}),
        replace(AGAIN, records={JOB: {**UNTAKEN, "state": "SUCCESS"}}),
        replace(CANCELLED_AGAIN, records={JOB: {**UNTAKEN, "committed_by": "fence-1/owner"}}),
    ],
    "results are the last attempt's": [
        replace(SOUND, finals=(Final(JOB, {**DETAILS, "result": {"attempt": "a"}}),)),
        replace(SOUND, finals=(Final(JOB, {**DETAILS, "result": None}),)),
        replace(SOUND, beats=()),
        replace(SOUND, beats=(Beats(JOB, "b", 3.0, 4.0, ended=False),)),
    ],
    "charges are just": [
        with_record(crashes="3", history=[attempt(n, "signal") for n in (1, 2, 3)]),
        with_record(crashes="1", history=[attempt(1, "drained"), attempt(2, "success")]),
        with_record(crashes="0", history=[attempt(1, "signal"), attempt(2, "worker_lost")]),
    ],
    "spot machines cost nothing": [
        replace(
            SOUND, faults=(Fault("spot machine", "w0", 10.0, 10.0, 11), Fault("spot vanished", "w0", 12.0, 12.0, 11))
        ),
    ],
    "licences keep their cap": [
        replace(
            SOUND, tokens=1, beats=(Beats(JOB, "a", 1.0, 3.0, ended=True), Beats(OTHER, "b", 2.9, 4.0, ended=True))
        ),
    ],
    "jobs end as planned": [
        with_record(state="FAILURE", cause="worker_lost", history=[attempt(1, "worker_lost")]),
        with_record(state="FAILURE", cause="script_error", history=[attempt(1, "script_error")]),
        with_record(state="REVOKED", cause="cancelled"),
        with_record(state="FAILURE", cause="drained", history=[attempt(1, "drained")]),
        replace(SOUND, accepted=(Accepted(JOB, Plan("raise")),)),
        replace(
            with_record(state="FAILURE", cause="exit", history=[attempt(1, "exit")]),
            accepted=(Accepted(JOB, Plan("exit")),),
        ),
    ],
    "deleted stays deleted": [
        replace(DELETED, records=SOUND.records),
        replace(DELETED, folders=SOUND.folders),
        replace(DELETED, deletions=(Deletion(JOB, 1.0, 204, 4.0, 200),)),
        replace(DELETED, deletions=(Deletion(JOB, 1.0, 202, None, 404),)),
        replace(DELETED, deletions=(Deletion(JOB, 1.0, 204, 3.9, 404),)),
    ],
    "ends are on the share": [
        replace(SOUND, mirrored={}),
        replace(SOUND, mirrored={JOB: record(state="FAILURE")}),
        replace(SOUND, mirrored={JOB: record(epoch="1")}),
    ],
    "the share brings all back": [
        replace(SOUND, rebuilt=(Rebuilt(JOB, DETAILS, None),)),
        replace(SOUND, rebuilt=(Rebuilt(JOB, DETAILS, {**DETAILS, "result": None}),)),
    ],
    "cancelled stays cancelled": [
        replace(SOUND, cancels=(Cancel(JOB, 1.0, 1.1, 200, "REVOKED"),)),
        replace(SOUND, cancels=(Cancel(JOB, 1.0, 1.1, 200, "RUNNING"),)),
        replace(SOUND, finals=(Final(JOB, {**DETAILS, "status": "REVOKED"}),)),
    ],
    "no half jobs": [
        replace(SOUND, folders=()),
        replace(SOUND, folders=(Folder(JOB, {}),)),
        replace(SOUND, folders=(Folder(JOB, {"job.py": 0}),)),
        replace(
            with_record(input_file="input.bin"),
            accepted=(Accepted(JOB, Plan(size=100)),),
            folders=(Folder(JOB, {"job.py": 1, "input.bin": 99}),),
        ),
    ],
    "one archive each": [
        replace(SOUND, archives=(Archives(JOB, frozenset({"one", "other"}), 4, (f"{JOB}.zip",)),)),
        replace(SOUND, archives=(Archives(JOB, frozenset({"same"}), 4, (f"{JOB}.zip", "again.zip")),)),
    ],
    "one job a key": [
        replace(SOUND, accepted=(Accepted(JOB, Plan(), key="k"), Accepted(OTHER, Plan(), key="k"))),
    ],
    "a key of another body is refused": [
        replace(SOUND, misuses=(("k", 200),)),
    ],
    "nothing begins without the share": [
        replace(SOUND, faults=(WITHOUT_SHARE,), accepted=(Accepted(JOB, Plan(), 12.0, asked=11.0),)),
        replace(SOUND, faults=(WITHOUT_SHARE,), monotonic=-10.0),
    ],
    "nothing outside was touched": [
        replace(SOUND, harmed=("canary.txt",)),
        replace(SOUND, strangers=("what.is.this",)),
    ],
    "no process is left": [
        replace(SOUND, orphans=("123 python",)),
        replace(SOUND, survivors=("123 python",)),
    ],
}

ALLOWED = {
    "a job is removed": DELETED,
    "a job is run again by hand": AGAIN,
    "a job that was cancelled is run again": replace(
        AGAIN,
        cancels=(Cancel(JOB, 1.0, 1.1, 200, "REVOKED"),),
        events=events("SENT", "REVOKED", "SENT", "STARTED", "SUCCESS"),
    ),
    "a job that is run again is cancelled before a worker takes it": CANCELLED_AGAIN,
    "what was replayed, and what runs already, while the share is gone": replace(
        SOUND,
        faults=(WITHOUT_SHARE,),
        accepted=(Accepted(JOB, Plan(), 12.0, asked=11.0, replayed=True),),
        monotonic=-8.5,
    ),
    "a lost answer makes a job nobody knows of": replace(
        SOUND,
        records={**SOUND.records, OTHER: record()},
        mirrored={**SOUND.records, OTHER: record()},
        folders=(*SOUND.folders, Folder(OTHER, {"job.py": 1})),
    ),
    "a killed API leaves a folder without a record": replace(
        SOUND, folders=(*SOUND.folders, Folder(OTHER, {"job.py": 1}))
    ),
    "a spot machine is gone before it could say a word": replace(
        SOUND, faults=(*told_to_leave(10.0), Fault("spot vanished", "w0", 10.1, 10.1, 11))
    ),
    "the store was away when a spot machine left": replace(
        SOUND,
        faults=(
            *told_to_leave(10.0),
            Fault("store killed", "store", 10.5, 11.5),
            Fault("spot vanished", "w0", 12.0, 12.0, 11),
        ),
    ),
    "as many at a time as there are tokens": replace(SOUND, tokens=1),
    "a cancel that came too late": replace(SOUND, cancels=(Cancel(JOB, 1.0, 1.1, 409, None),)),
    "two lost workers are the end": replace(
        with_record(
            state="FAILURE",
            cause="worker_lost",
            committed_by="fence-2/sweeper",
            history=[attempt(1, "worker_lost"), attempt(2, "worker_lost")],
        ),
        finals=(Final(JOB, {**DETAILS, "status": "FAILURE"}),),
    ),
    "a killed packer leaves half an archive beside the whole one": replace(
        SOUND, archives=(Archives(JOB, frozenset({"same"}), 4, (f".{JOB}.part", f"{JOB}.zip")),)
    ),
    "an archive is packed again under its old name": replace(
        SOUND,
        records={**SOUND.records, OTHER: record(process="_archive")},
        events=(*SOUND.events, *(Event(OTHER, state, 1, 1.0) for state in ("FAILURE", "SENT", "SUCCESS"))),
    ),
}


def test_sound_facts_break_nothing():
    assert not any(check(SOUND).values())


@pytest.mark.parametrize("facts", ALLOWED.values(), ids=ALLOWED)
def test_what_is_allowed_breaks_nothing(facts):
    assert not any(check(facts).values())


def test_every_invariant_has_facts_that_break_it():
    assert BROKEN.keys() | BROKEN_WORKFLOWS.keys() == INVARIANTS.keys()


@pytest.mark.parametrize(
    ("name", "facts"),
    [pytest.param(name, facts, id=f"{name} {n}") for name, some in BROKEN.items() for n, facts in enumerate(some)],
)
def test_the_invariant_breaks(name, facts):
    assert INVARIANTS[name](facts)
