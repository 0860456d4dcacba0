"""The breaker: who is spared the wait for a silent server. Time is given."""

from pixyz_scheduler.broker.breaker import Breaker


def test_all_may_ask_a_server_that_answers():
    breaker = Breaker(pause=1.0)
    assert all(breaker.may_ask(0.0) for _ in range(3))
    breaker.heard()
    assert breaker.may_ask(0.0)


def test_after_a_silence_nobody_asks_for_a_while_and_then_one():
    breaker = Breaker(pause=1.0)
    breaker.silent(10.0)
    assert not breaker.may_ask(10.9)
    assert breaker.may_ask(11.0)
    assert not breaker.may_ask(11.0), "one looks for all"
    assert not breaker.may_ask(99.0), "however long it takes"


def test_an_answer_lets_all_in_and_another_silence_begins_the_pause_anew():
    breaker = Breaker(pause=1.0)
    breaker.silent(10.0)
    assert breaker.may_ask(11.0)
    breaker.silent(12.0)
    assert not breaker.may_ask(12.5)
    assert breaker.may_ask(13.0)
    breaker.heard()
    assert breaker.may_ask(13.0)
    assert breaker.may_ask(13.0)
