"""Workflows: the script of those jobs of the load that start others; see shapes.py.

It is called like that of all others, and its sub-tasks write beacons like them, under their own ids. In `moments` lies
what faults wait for: `split.<pid>` while sub-tasks are being started, `link.<job>.<attempt>` as one has done its work.
"""

from tests.chaos.beacons import SCRIPT

WORKFLOW_SCRIPT = (
    SCRIPT
    + '''

from pixyz_worker.script import *


@pixyz_schedule(wait=True)
def awaits(pc, params):
    _, beats = begun(pc, params)
    work(beats, params)
    found = split(pc, params, params["shape"])
    return done(beats, found)


def leaves(pc, params):
    attempt, beats = begun(pc, params)
    work(beats, params)
    found = split(pc, params, params["shape"]).as_tuple()
    return done(beats, {"attempt": attempt, "tuple": found})


@pixyz_schedule(wait=True)
def inner(pc, params):
    told = pc["step"]
    _, beats = begun(pc, told)
    return done(beats, split(pc, told, told["shape"]))


def part(pc, params):
    told = pc["step"]
    attempt, beats = begun(pc, told)
    work(beats, told)
    if told["crashes"] and is_first(f"{told['moments']}/crashed.{pc['task_id']}"):
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)
    with open(pc.get_output_dir(told["name"] + ".txt"), "w") as out:
        out.write(attempt)
    is_first(f"{told['moments']}/link.{pc['task_id']}.{attempt}")
    return done(beats, {"attempt": attempt, "name": told["name"], "got": params})


def split(pc, params, shape):
    """Start what the shape says; Celery's result of it."""
    names = [f"part{number}" for number in range(shape["parts"])]

    def sub(name, *given, entrypoint="part", **more):
        context = pc.clone().update(entrypoint=entrypoint, raw=True, compute_only=shape["bare"])
        shared = {key: params[key] for key in ("beacons", "alive", "moments", "beat", "seconds")}
        context["step"] = {**shared, "name": name, "crashes": name == shape["crashes"], **more}
        return pixyz_execute.s(*given, pc=context).set(queue="cpu", priority=2 if name in ("part1", "last") else 5)

    def known(number):
        return sub(f"part{number}", {"number": number})

    mark = f"{params['moments']}/split.{os.getpid()}"
    is_first(mark)
    time.sleep(shape["pause"])
    if shape["kind"] == "chain":
        found = chain(known(0), *[sub(name) for name in names[1:]])()
    elif shape["kind"] == "chord":
        found = chord([known(number) for number in range(len(names))])(sub("body"))
    elif shape["kind"] == "nested":
        others = {**shape, "kind": "chord", "waits": True, "crashes": ""}
        found = chain(sub("first", {"number": 0}), sub("inner", entrypoint="inner", shape=others), sub("last"))()
    else:
        found = Scattered()
        for number in range(len(names)):
            found.append(known(number).delay())
            time.sleep(shape["pause"])
    time.sleep(shape["pause"])
    os.unlink(mark)
    return found


class Scattered(list):
    """Results of several, each started by itself."""

    def as_tuple(self):
        return [each.as_tuple() for each in self]


def begun(pc, told):
    attempt = secrets.token_hex(6)
    file = os.open(f"{told['beacons']}/{pc['task_id']}.{attempt}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    alive = f"{told['alive']}/{os.getpid()}"
    beat(file, "BEGIN")
    with open(alive + ".new", "w") as mark:
        mark.write(pc["task_id"])
    os.rename(alive + ".new", alive)
    return attempt, (file, alive)


def work(beats, told):
    ends = time.monotonic() + told["seconds"]
    while time.monotonic() < ends:
        beat(beats[0], "BEAT")
        time.sleep(told["beat"])


def done(beats, result):
    beat(beats[0], "END")
    os.unlink(beats[1])
    return result


def is_first(path):
    """Whether nobody was here before."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True
'''
)
