"""Workflows on a farm of one slot: each sub-task is a job of its own, and whoever waits for it holds no slot."""

import json
import re
import threading
import time
import uuid
from textwrap import dedent

import pytest

from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.jobs.job import JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import read_sent
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.workflow import Node, value
from pixyz_scheduler.storage.state_files import SENT, StateFiles
from pixyz_scheduler.worker.subtasks import Subtasks

PARTS = """
from pixyz_worker.script import *


def step(pc, name, **more):
    return pc.clone().update(entrypoint=name, raw=True, compute_only=True, **more)


def add(pc, params):
    return params["n"] + 1


def double(pc, params):
    return params * 2


def total(pc, params):
    return sum(params)


def fails(pc, params):
    raise ValueError("boom")


def one(pc, n=1):
    return pixyz_execute.s({"n": n}, step(pc, "add"))


def adds(pc, many=3):
    return [one(pc, n) for n in range(many)]


def doubled(pc):
    return pixyz_execute.s(pc=step(pc, "double"))


def totalled(pc):
    return pixyz_execute.s(pc=step(pc, "total"))

"""


def script(main: str, *, decorator: str = "@pixyz_schedule(wait=True, timeout=60)") -> str:
    return f"{PARTS}\n{decorator}\n{dedent(main).strip()}\n"


def ended(bench, source, **options):
    report = bench.run(source, **options)
    bench.serve()
    return bench.records.report(report.job.id)


def result(bench, main, **more):
    report = ended(bench, script(main, **more))
    assert report.state is JobState.SUCCESS, report.traceback or report.error
    return json.loads(report.result)


@pytest.fixture
def two_slots(fork_bench):
    """A farm of two slots: one for who waits, one for the others."""

    def run(source):
        job_id = fork_bench.submit(source)
        waits = threading.Thread(target=fork_bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
        waits.start()
        while waits.is_alive():
            fork_bench.serve()
        return fork_bench.records.report(job_id)

    return run


@pytest.mark.parametrize(
    ("canvas", "expected"),
    [
        ("one(pc).delay()", 2),
        ("pixyz_execute.delay({'n': 1}, step(pc, 'add'))", 2),
        ("subtask_async({'n': 1}, step(pc, 'add'))", 2),
        ("step(pc, 'add').execute({'n': 1})", 2),
        ("chain(one(pc), doubled(pc))()", 4),
        ("(one(pc) | doubled(pc))()", 4),
        ("chain(one(pc), pixyz_execute.si(9, step(pc, 'double')))()", 18),
        ("group(adds(pc))()", [1, 2, 3]),
        ("group(one(pc, n) for n in range(3))()", [1, 2, 3]),
        ("chord(one(pc, n) for n in range(3))(totalled(pc))", 6),
        ("chord([])(totalled(pc))", 0),
        ("group(doubled(pc), doubled(pc))(5)", [10, 10]),
        ("chain(doubled(pc), doubled(pc))(5)", 20),
        ("chain(group(doubled(pc), doubled(pc)), totalled(pc)).delay(5)", 20),
        ("group()()", []),
        ("chord(adds(pc))(totalled(pc))", 6),
        ("chord(group(adds(pc)), totalled(pc))()", 6),
        ("(group(adds(pc)) | totalled(pc) | doubled(pc))()", 12),
        ("group(chord(adds(pc), totalled(pc)), group(adds(pc, 2)))()", [6, [1, 2]]),
        (
            "chord([chain(each, doubled(pc)) for each in adds(pc)], totalled(pc))()",
            12,
        ),
        (
            "(one(pc) | group(doubled(pc) for _ in 'ab'))()",
            [4, 4],
        ),
        ("pixyz_execute.chunks([({'n': n}, step(pc, 'add')) for n in range(5)], 2)()", [[1, 2], [3, 4], [5]]),
        ("[a.delay() for a in adds(pc)]", [1, 2, 3]),
    ],
)
def test_a_workflow_ends_with_what_celery_says_it_ends_with(fork_bench, canvas, expected):
    assert result(fork_bench, f"def main(pc, params):\n    return {canvas}") == expected


def test_workflows_run_under_spawn_too(bench):
    main = "def main(pc, params):\n    return chord(adds(pc))(totalled(pc))"
    assert result(bench, main) == 6


def test_each_sub_task_is_a_job_with_its_family_its_queue_and_its_log(fork_bench):
    source = script(
        """
        def main(pc, params):
            return group(one(pc).set(queue="gpu", priority=2), pixyz_execute.s({}, pc.clone(entrypoint="says")))()

        @pixyz_schedule(queue="own", timeout=77)
        def says(pc, params):
            print("a word")
        """
    )
    job_id = ended(fork_bench, source).job.id
    quick, says = sorted(fork_bench.children(job_id), key=lambda report: report.job.options.entrypoint)
    assert (quick.job.parent, quick.job.root, quick.queue, quick.job.options.priority) == (job_id, job_id, "gpu", 2)
    assert (says.queue, says.job.options.time_limit, says.job.options.entrypoint) == ("own", 77, "says")
    assert [child.epoch for child in (quick, says)] == [1, 1]
    assert fork_bench.log(says.job.id) == "a word\n"
    assert fork_bench.share.folder(says.job.id).exists()
    assert not fork_bench.share.folder(quick.job.id).exists()


def test_a_sub_task_that_only_computes_has_its_log_all_the_same_and_no_other_folder(fork_bench):
    source = script(
        "def main(pc, params): return pixyz_execute.delay({}, step(pc, 'says'))\n\ndef says(): print('a word')"
    )
    (child,) = fork_bench.children(ended(fork_bench, source).job.id)
    assert fork_bench.log(child.job.id) == "a word\n"
    assert [path.name for path in fork_bench.share.folder(child.job.id).path.iterdir()] == ["logs"]


def test_a_sub_task_reads_the_inputs_of_its_job_and_writes_where_it_is_told_to(fork_bench):
    main = """
        def main(pc, params):
            writes = pixyz_execute.s({}, pc.clone(entrypoint="writes", raw=True, mine={"deep": [1]}))
            return group(writes, pixyz_execute.s({}, step(pc, "writes", mine=None)))()

        def writes(pc, params):
            with open(pc.get_output_dir("a.txt"), "a") as file:
                file.write("x")
            return [pc.get_input_dir(), pc.get_output_dir(), pc["mine"], pc["queue"], pc.is_compute_only()]
        """
    report = ended(fork_bench, script(main))
    own, shared = json.loads(report.result)
    folder = fork_bench.share.folder(report.job.id)
    (alone,) = [each.job.id for each in fork_bench.children(report.job.id) if not each.job.options.compute_only]
    child = fork_bench.share.folder(alone)
    assert own == [str(folder.inputs), str(child.outputs), {"deep": [1]}, "cpu", False]
    assert shared == [str(folder.inputs), str(folder.outputs), None, "cpu", True]
    assert folder.list_outputs() == child.list_outputs() == ["a.txt"]


def test_without_raw_the_next_one_gets_the_record_of_the_one_before(fork_bench):
    main = """
        def main(pc, params):
            part = [pixyz_execute.s({"n": n}, pc.clone(entrypoint="add")) for n in range(2)]
            return chord(part)(pixyz_execute.s(pc=step(pc, "looks")))

        def looks(pc, params):
            return [sorted(params[0]), [each["result"] for each in params]]
        """
    keys = ["progress", "result", "retry", "steps", "time_info"]
    assert result(fork_bench, main) == [keys, [1, 2]]


def test_a_failed_sub_task_fails_its_job_with_its_own_traceback(fork_bench):
    main = "def main(pc, params):\n    return group(one(pc), pixyz_execute.s({}, step(pc, 'fails')))()"
    report = ended(fork_bench, script(main))
    assert (report.state, report.cause) == (JobState.FAILURE, "child_failed")
    assert report.error.startswith("ValueError: boom (sub-task fails, job ")
    assert 'raise ValueError("boom")' in report.traceback
    assert 'File "script.py"' in report.traceback


def test_a_failure_below_says_whose_it_was_all_the_way_up(fork_bench):
    main = """
        def main(pc, params):
            return pixyz_execute.delay({}, step(pc, "inner"))

        @pixyz_schedule(wait=True)
        def inner(pc, params):
            return pixyz_execute.delay({}, step(pc, "fails"))
        """
    report = ended(fork_bench, script(main))
    (inner,) = fork_bench.children(report.job.id)
    (fails,) = fork_bench.children(inner.job.id)
    assert report.traceback.splitlines()[:3] == [
        f"In the sub-task inner, job {inner.job.id}:",
        f"In the sub-task fails, job {fails.job.id}:",
        "Traceback (most recent call last):",
    ]
    assert report.traceback.rstrip().endswith("ValueError: boom")


def test_a_workflow_that_is_returned_and_was_not_started_is_told_how(fork_bench):
    report = ended(fork_bench, script("def main(pc, params):\n    return chain(one(pc), doubled(pc))"))
    assert report.error == "A chain(...) was returned that was not started: write chain(...).delay()."


def test_what_comes_after_a_failed_sub_task_is_not_run_and_the_job_tells_the_first_failure(fork_bench):
    main = """
        def main(pc, params):
            return chain(pixyz_execute.s({}, step(pc, "fails")), doubled(pc), group(doubled(pc), doubled(pc)))()
        """
    report = ended(fork_bench, script(main))
    assert report.state is JobState.FAILURE
    assert re.fullmatch(r"ValueError: boom \(sub-task fails, job [-0-9a-f]{36}\)", report.error)
    assert 'raise ValueError("boom")' in report.traceback
    failed, *others = sorted(fork_bench.children(report.job.id), key=lambda child: child.cause == "upstream_failed")
    assert (failed.state, failed.cause) == (JobState.FAILURE, "script_error")
    assert [(each.state, each.cause, each.epoch) for each in others] == [(JobState.FAILURE, "upstream_failed", 0)] * 3
    assert all(failed.job.id in each.error or others[0].job.id in each.error for each in others)


def test_a_script_may_wait_by_itself_and_catch_what_a_sub_task_raised(two_slots):
    main = """
        class Own(Exception):
            pass

        def main(pc, params):
            with pc.allow_join_result():
                good = chain(one(pc), doubled(pc))()
                told = [good.get(timeout=30), good.status, good.ready(), pc.AsyncResult(good.id).get()]
                told.append(good.parent.get())
                try:
                    subtask_async({}, step(pc, "own")).get()
                except Own as error:
                    told.append([str(error), "def own" in str(error.__cause__) or "raise Own" in str(error.__cause__)])
            return told

        def own(pc, params):
            raise Own("mine")
        """
    report = two_slots(script(main, decorator=""))
    assert json.loads(report.result) == [4, "SUCCESS", True, 4, 2, ["mine", True]]


def test_the_results_of_a_group_are_there_by_all_of_celerys_ways(two_slots):
    main = """
        def main(pc, params):
            started = group(adds(pc))()
            by_id = {task_id: meta["result"] for task_id, meta in started.iter_native()}
            started[0].forget()
            return [started.join_native(), [by_id[each.id] for each in started], started.completed_count()]
        """
    report = two_slots(script(main, decorator=""))
    assert json.loads(report.result or "null") == [[1, 2, 3], [1, 2, 3], 3], report.traceback


def test_a_sub_task_that_is_not_caught_shows_both_tracebacks(two_slots):
    main = "def main(pc, params):\n    return subtask_async({}, step(pc, 'fails')).get()"
    report = two_slots(script(main, decorator=""))
    assert report.error == "ValueError: boom"
    assert report.traceback.index('raise ValueError("boom")') < report.traceback.index("subtask_async({}")


def test_an_asynchronous_workflow_goes_on_when_its_job_has_ended(fork_bench):
    main = "def main(pc, params):\n    return chain(one(pc), doubled(pc))().as_tuple()"
    report = ended(fork_bench, script(main, decorator=""))
    first, second = sorted(fork_bench.children(report.job.id), key=lambda child: len(child.job.after))
    assert json.loads(report.result) == [[second.job.id, [[first.job.id, None], None]], None]
    assert [json.loads(each.result) for each in (first, second)] == [2, 4]


def test_a_workflow_that_nobody_waits_for_and_that_is_returned_is_told_as_a_tuple(fork_bench):
    main = "def main(pc, params):\n    return one(pc).delay()"
    report = ended(fork_bench, script(main, decorator=""))
    assert json.loads(report.result)[0][0] == fork_bench.children(report.job.id)[0].job.id


def test_a_sub_task_may_start_and_await_others(fork_bench):
    main = """
        def main(pc, params):
            return chain(pixyz_execute.s({}, step(pc, "inner")), doubled(pc))()

        @pixyz_schedule(wait=True)
        def inner(pc, params):
            return chord(adds(pc))(totalled(pc))
        """
    report = ended(fork_bench, script(main))
    assert json.loads(report.result) == 12
    inner = next(each for each in fork_bench.children(report.job.id) if each.job.options.entrypoint == "inner")
    assert inner.queue == "control"
    assert {each.job.root for each in fork_bench.children(inner.job.id)} == {report.job.id}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("pixyz_execute.delay({}, step(pc, 'nowhere'))", "has no function 'nowhere'"),
        ("pixyz_execute.delay({})", "A sub-task needs a context"),
        ("subtask_async(params, pc)", "main starts itself"),
        ("pixyz_execute.s({}, step(pc, 'add')).apply_async(countdown=5)", "countdown is not to be had"),
        ("chain(one(pc), pixyz_execute.s({}, step(pc, 'add')))()", "the earlier result comes as params"),
        ("one(pc).apply_async(task_id='mine')", "task_id is not to be had"),
        ("one(pc).set(queue='not a queue!').delay()", "not a queue!"),
        ("one(pc).set(priority=12).delay()", "0 \\(most urgent\\) to 9"),
        ("pixyz_execute.delay({'a': object()}, step(pc, 'add'))", "object"),
        ("group([pixyz_execute.s({}, pc.clone(entrypoint='add', mine=object()))])()", "object"),
    ],
)
def test_what_cannot_be_started_is_said_where_it_is_asked(fork_bench, asked, why):
    report = ended(fork_bench, script(f"def main(pc, params):\n    return {asked}"))
    assert report.state is JobState.FAILURE
    assert re.search(why, report.error), report.error
    assert f"return {asked}" in report.traceback
    assert fork_bench.children(report.job.id) == []


COUNTED = """
        def main(pc, params):
            parts = [pixyz_execute.s({"n": n}, step(pc, "counts", file=params["file"])) for n in range(3)]
            last = pixyz_execute.s(pc=step(pc, "ends", file=params["file"]))
            found = chord(parts, last)()
            once(params["file"], "dies", lambda: os.kill(os.getpid(), 9))
            return found

        def once(file, what, do):
            if not os.path.exists(file + what):
                open(file + what, "w").close()
                do()

        def counts(pc, params):
            with open(pc["file"], "a") as file:
                file.write(f"{params['n']}\\n")
            if params["n"] == 1:
                once(pc["file"], "fails", fail)
            return params["n"]

        def fail():
            raise ValueError("at first")

        def ends(pc, params):
            with open(pc["file"], "a") as file:
                file.write("end\\n")
            return params
        """


def counted(bench, tmp_path, *, done=()):
    file = tmp_path / "counted"
    for what in done:
        file.with_name(f"counted{what}").touch()
    job_id = bench.submit(script(COUNTED), params=json.dumps({"file": str(file)}))
    bench.execution.run(job_id, queue="cpu")
    bench.serve()
    return bench.records.report(job_id), lambda: sorted(file.read_text().split())


def test_no_sub_task_is_run_twice_because_its_job_was_run_again(fork_bench, tmp_path):
    report, ran = counted(fork_bench, tmp_path, done=["fails"])
    assert (report.state, report.epoch) == (JobState.SUCCESS, 2)
    assert json.loads(report.result) == [0, 1, 2]
    assert ran() == ["0", "1", "2", "end"]
    assert {child.epoch for child in fork_bench.children(report.job.id)} == {1}


def test_a_job_that_is_run_again_by_hand_runs_only_what_had_failed(fork_bench, tmp_path):
    report, ran = counted(fork_bench, tmp_path, done=["dies"])
    assert report.state is JobState.FAILURE
    assert ran() == ["0", "1", "2"]
    assert fork_bench.records.run_again(report.job.id, queue="cpu") == "SENT"
    fork_bench.execution.run(report.job.id, queue="cpu")
    fork_bench.serve()
    report = fork_bench.records.report(report.job.id)
    assert (report.state, json.loads(report.result)) == (JobState.SUCCESS, [0, 1, 2])
    assert ran() == ["0", "1", "1", "2", "end"]


def test_the_same_thing_done_twice_is_two_sub_tasks(fork_bench):
    assert result(fork_bench, "def main(pc, params):\n    return group(one(pc), one(pc))()") == [2, 2]


def test_a_crash_of_a_sub_task_is_tried_again_as_that_of_any_job(fork_bench):
    main = """
        def main(pc, params):
            return pixyz_execute.delay({}, step(pc, "dies"))

        def dies(pc, params):
            if pc["retry"] == 0:
                os.kill(os.getpid(), 11)
            return pc["queue"]
        """
    assert result(fork_bench, main) == "gpuhigh"


def test_a_job_that_waits_longer_than_its_time_fails_and_says_for_whom(fork_bench):
    main = "def main(pc, params):\n    return pixyz_execute.delay({'n': 1}, step(pc, 'add'))"
    source = script(main, decorator="@pixyz_schedule(wait=True)")
    fork_bench.records.now_ms = 1_000_000
    job_id = fork_bench.submit(source, time_limit=5)
    fork_bench.execution.run(job_id, queue="cpu")
    (child,) = fork_bench.children(job_id)
    for _ in range(7):
        fork_bench.records.now_ms += 1000
        fork_bench.records.sweep()
    fork_bench.aftermath.follow()
    report = fork_bench.records.report(job_id)
    assert (report.state, report.cause) == (JobState.FAILURE, "timeout")
    assert report.error == f"Task process timeout: the sub-task {child.job.id} has not ended within 5 s."


def test_a_cancelled_job_that_waits_ends_at_once_and_its_sub_tasks_with_it(fork_bench):
    main = "def main(pc, params):\n    return chain(one(pc), doubled(pc))()"
    job_id = fork_bench.submit(script(main))
    fork_bench.execution.run(job_id, queue="cpu")
    assert fork_bench.records.cancel(job_id) == "REVOKED"
    fork_bench.serve()
    assert {child.state for child in fork_bench.children(job_id)} == {JobState.REVOKED}
    assert [child.epoch for child in fork_bench.children(job_id)] == [0, 0]


def test_a_script_may_cancel_what_it_has_started(fork_bench):
    main = """
        def main(pc, params):
            found = chain(one(pc), doubled(pc))()
            found.parent.revoke()
            try:
                found.get()
            except Exception as error:
                return [found.parent.status, found.status, type(error).__name__]
        """
    assert result(fork_bench, main, decorator="") == ["REVOKED", "REVOKED", "TaskRevokedError"]


def test_an_attempt_whose_job_was_removed_starts_nothing_more(fork_bench):
    """Its worker was away, and does not know yet."""
    job_id = fork_bench.submit(PARTS)
    parent = fork_bench.records.report(job_id).job
    fork_bench.records.delete(job_id)
    assert fork_bench.records.forget(job_id)
    subtasks = Subtasks(fork_bench.records, fork_bench.families, fork_bench.bells, fork_bench.share, JobOptions())
    node = Node(JobId(str(uuid.uuid4())), value({"n": 1}), "add")
    answer = subtasks.answer(parent, {"do": "start", "nodes": [node.to_wire()]})
    assert job_id in answer["error"]
    assert fork_bench.children(job_id) == []
    assert not fork_bench.records.has(node.id)
    assert not fork_bench.share.folder(node.id).exists()


def test_a_family_is_kept_until_all_of_it_has_ended(fork_bench):
    main = "def main(pc, params):\n    return chain(one(pc), doubled(pc))().as_tuple()"
    job_id = fork_bench.submit(script(main, decorator=""))
    fork_bench.execution.run(job_id, queue="cpu")
    first = next(child.job.id for child in fork_bench.children(job_id) if not child.job.after)
    fork_bench.execution.run(first, queue="cpu")
    now = time.time() + 60
    assert not any(fork_bench.records.expire(each, moment=now) for each in (job_id, first))
    fork_bench.serve()
    assert all(fork_bench.records.expire(each, moment=now) for each in (job_id, first))


def test_a_result_that_is_gone_fails_what_begins_with_it(fork_bench):
    main = "def main(pc, params):\n    return chain(one(pc), doubled(pc))()"
    job_id = fork_bench.submit(script(main))
    fork_bench.execution.run(job_id, queue="cpu")
    first, second = sorted(fork_bench.children(job_id), key=lambda child: len(child.job.after))
    fork_bench.execution.run(first.job.id, queue="cpu")
    assert fork_bench.records.forget(first.job.id)
    fork_bench.serve()
    assert fork_bench.records.report(second.job.id).error == (
        f"The result of job {first.job.id}, with which this one begins, is gone."
    )
    assert fork_bench.records.report(job_id).cause == "child_failed"


def test_a_call_of_a_script_waits_while_the_store_is_away(fork_bench, monkeypatch):
    real, asked = fork_bench.families.start, []

    def start(_, job):
        asked.append(job.id)
        if len(asked) == 1:
            raise StoreUnavailable("It is away.")
        return real(job)

    monkeypatch.setattr(type(fork_bench.families), "start", start)
    assert result(fork_bench, "def main(pc, params):\n    return one(pc).delay()") == 2
    assert len(asked) == 2
    assert len(set(asked)) == 1


def test_the_folder_of_a_sub_task_says_what_was_asked_of_it(fork_bench):
    main = "def main(pc, params):\n    return chain(one(pc), pixyz_execute.s(pc=pc.clone(entrypoint='double')))()"
    report = ended(fork_bench, script(main))
    last = next(child.job for child in fork_bench.children(report.job.id) if child.job.after)
    sent = read_sent(last.id, StateFiles(fork_bench.share.folder(last.id)).read(SENT))
    assert (sent["parent"], sent["needs"], sent["after"]) == (report.job.id, last.needs, " ".join(last.after))


def test_a_script_that_calls_and_calls_and_never_listens_hurts_nobody(bench):
    main = """
        def main(pc, params):
            line = pc["progress"]._channel
            for number in range(20000):
                line.send({"type": "call", "number": number, "do": "look", "ids": []})
            return "done"
        """
    assert result(bench, main, decorator="") == "done"


@pytest.mark.parametrize(
    "call",
    [
        {"do": "start", "nodes": [{"id": "x"}]},
        {"do": "start", "nodes": 7},
        {"do": "start", "nodes": [None]},
        {"do": "look", "ids": ["../../etc/passwd"]},
        {"do": "cancel", "ids": []},
        {"do": "fly"},
        {},
    ],
)
def test_a_call_that_is_none_of_ours_is_answered_in_words(fork_bench, call):
    main = f"""
        from pixyz_scheduler.script import launch

        def main(pc, params):
            return launch.in_use()._exchange({{"type": "call", **{call!r}}})["error"]
        """
    assert len(result(fork_bench, main, decorator="")) > 10
