"""What a job waits for, in words."""

import pytest

from pixyz_scheduler.jobs.waiting import Waiting


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (Waiting(ahead=0, listeners=0), "no worker listens on queue gpu"),
        (Waiting(ahead=7, listeners=0, due=3.0, parked=True), "no worker listens on queue gpu"),
        (Waiting(ahead=7, listeners=2), "7 jobs ahead on gpu"),
        (Waiting(ahead=1, listeners=2), "1 job ahead on gpu"),
        (Waiting(ahead=0, listeners=1), "next on gpu: the next worker that is free takes it"),
        (Waiting(ahead=0, listeners=1, due=11.2), "retry in 12 s"),
        (Waiting(ahead=0, listeners=1, parked=True), "no licence token free"),
    ],
)
def test_the_first_reason_that_holds_is_said(waiting, words):
    assert waiting.in_words("gpu") == words
