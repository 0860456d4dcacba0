"""Turn: one at a time, but for those who wait."""

import threading
from contextlib import suppress

from pixyz_scheduler.storage.turn import Turn


def test_while_one_lends_its_turn_another_has_it_and_it_comes_back():
    turn, said = Turn(), []

    def other():
        with turn.taken():
            said.append("other")

    with turn.taken():
        thread = threading.Thread(target=other)
        thread.start()
        said.append("first")
        with turn.lent():
            thread.join()
        said.append("first again")
    assert said == ["first", "other", "first again"]


def test_who_has_not_taken_it_lends_nothing():
    turn = Turn()
    with turn.lent():
        pass
    with turn.taken():
        late = threading.Thread(target=lambda: turn.lent().__enter__())
        late.start()
        late.join()
    with turn.taken(), turn.lent(), turn.taken():
        pass


def test_it_is_free_again_after_an_error():
    turn = Turn()
    with suppress(ZeroDivisionError), turn.taken(), turn.lent():
        _ = 1 / 0
    with turn.taken():
        pass
