"""Where a batch puts the files of each input, and what it does with an input that it has met before."""

from itertools import islice

import pytest

from pixyz_scheduler.cli.batch.journal import Entry
from pixyz_scheduler.cli.batch.places import places, targets
from pixyz_scheduler.cli.batch.work import Resend, Send, Skip, TakeUp, next_step


def test_the_first_place_is_the_plain_one_and_there_is_always_another():
    assert list(islice(places("sub", "wheel.step"), 4)) == [
        "sub/wheel",
        "sub/wheel.step",
        "sub/wheel.step-2",
        "sub/wheel.step-3",
    ]
    assert next(places("", ".hidden")) == ".hidden"


@pytest.mark.parametrize(
    ("outputs", "here"),
    [
        (["output.glb"], ["a.glb"]),
        (["metadata.json"], ["a.json"]),
        (["output.glb", "output.usdz"], ["a.glb", "a.usdz"]),
        (["output.obj"], ["a.obj"]),
        (["output.obj", "output.mtl"], ["a/output.obj", "a/output.mtl"]),
        (["iso.png", "x.png"], ["a/iso.png", "a/x.png"]),
        (["parts/x.glb"], ["a/parts/x.glb"]),
        (["LICENSE"], ["a"]),
        (["a.tar.gz"], ["a.gz"]),
        ([], []),
    ],
    ids=str,
)
def test_one_thing_gets_the_inputs_name_and_several_get_a_folder(outputs, here):
    assert list(targets("a", outputs).values()) == here


def entry(state="new", *, digest="d", work="w", url="u", key=None, uuid=None):
    return Entry(
        input="a",
        place="a",
        state=state,
        digest=digest,
        size=1,
        mtime_ns=1,
        work=work,
        url=url,
        key=key,
        uuid=uuid,
        error=None,
    )


@pytest.mark.parametrize(
    ("known", "there", "step"),
    [
        (entry(digest=None, work=None, url=None), False, Send()),
        (entry("done", uuid="1", key="k"), True, Skip()),
        (entry("done", uuid="1", key="k"), False, TakeUp("1")),
        (entry("done", uuid="1", key="k", digest="other"), True, Send()),
        (entry("done", uuid="1", key="k", work="other"), True, Send()),
        (entry("done", uuid="1", key="k", url="other"), True, Skip()),
        (entry("sent", uuid="1", key="k"), False, TakeUp("1")),
        (entry("sent", uuid="1", key="k", url="other"), False, Send()),
        (entry("sent", key="k"), False, Resend("k")),
        (entry("failed", uuid="1", key="k"), True, Send()),
    ],
    ids=[
        "new",
        "done and there",
        "done and removed",
        "the input has changed",
        "the work has changed",
        "done elsewhere",
        "sent",
        "sent elsewhere",
        "about to be sent",
        "failed",
    ],
)
def test_what_is_left_to_do_of_an_input(known, there, step):
    assert next_step(known, digest="d", work="w", url="u", outputs_are_there=there) == step
