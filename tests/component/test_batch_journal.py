"""The journal of a batch and the files that patterns mean, on a real disk."""

import sqlite3
from itertools import islice
from pathlib import Path

import pytest

from pixyz_scheduler.cli.batch.inputs import Found, find
from pixyz_scheduler.cli.batch.journal import NAME, Journal, JournalError, Left
from pixyz_scheduler.errors import Conflict


@pytest.fixture
def parts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "parts/a.step",
        "parts/a.iges",
        "parts/sub/a.step",
        "parts/read.me",
        "parts/.hidden.step",
        "b[1].step",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def found(*patterns, outside="out"):
    here = Path.cwd()
    return sorted(
        (each.path.relative_to(here).as_posix(), each.below) for each in find(patterns, outside=Path(outside))
    )


@pytest.mark.parametrize(
    ("patterns", "files"),
    [
        (["parts/*.step"], [("parts/a.step", "")]),
        (["parts/**/*.step"], [("parts/a.step", ""), ("parts/sub/a.step", "sub")]),
        (["*/sub/*.step"], [("parts/sub/a.step", "parts/sub")]),
        (["parts"], [("parts/a.iges", ""), ("parts/a.step", ""), ("parts/sub/a.step", "sub")]),
        (["parts/"], [("parts/a.iges", ""), ("parts/a.step", ""), ("parts/sub/a.step", "sub")]),
        (["parts/read.me"], [("parts/read.me", "")]),
        (["b[1].step"], [("b[1].step", "")]),
        (["parts/.hidden.step"], [("parts/.hidden.step", "")]),
        (["parts/sub/../a.step"], [("parts/a.step", "")]),
        (["gone/*.step"], []),
        (["parts/*.step", "parts/a.*"], [("parts/a.iges", ""), ("parts/a.step", ""), ("parts/a.step", "")]),
    ],
    ids=lambda each: " ".join(each) if each and isinstance(each[0], str) else "",
)
@pytest.mark.usefixtures("parts")
def test_patterns_mean_files(patterns, files):
    assert found(*patterns) == files


def test_a_pattern_may_begin_at_the_root(parts):
    assert found(f"{parts}/parts/*.step") == [("parts/a.step", "")]


@pytest.mark.usefixtures("parts")
def test_the_output_folder_is_no_input_unless_it_is_named():
    assert found("**/*.step", outside="parts/sub") == [("b[1].step", ""), ("parts/a.step", "parts")]
    assert found("parts/sub/*.step", outside="parts/sub") == [("parts/sub/a.step", "")]
    assert ("parts/a.step", "parts") in found("**/*.step", outside=".")


def test_an_input_is_taken_in_once_and_equal_names_are_kept_apart(parts):
    with Journal.open(parts / "out") as journal:
        assert journal.take_in(find(["parts/**/a.*", "parts", "parts/a.step"], outside=parts / "out")) == 3
        entries = {entry.input: entry.place for entry in journal.entries()}
    assert entries == {"../parts/a.iges": "a", "../parts/a.step": "a.step", "../parts/sub/a.step": "sub/a"}


def test_names_that_differ_in_case_alone_are_kept_apart(parts):
    (parts / "x").mkdir()
    (parts / "x" / "A.step").write_text("")
    (parts / "x" / "a.step").write_text("")
    with Journal.open(parts / "out") as journal:
        journal.take_in(find(["x"], outside=parts / "out"))
        places = [entry.place.casefold() for entry in journal.entries()]
    assert len(set(places)) == 2


def test_a_place_stays_that_of_its_input(parts):
    with Journal.open(parts / "out") as journal:
        journal.take_in(find(["parts/a.step"], outside=parts / "out"))
    with Journal.open(parts / "out") as journal:
        journal.take_in(find(["parts/a.*"], outside=parts / "out"))
        assert {entry.input: entry.place for entry in journal.entries()} == {
            "../parts/a.step": "a",
            "../parts/a.iges": "a.iges",
        }


def test_the_journal_moves_along_with_inputs_and_outputs(parts):
    with Journal.open(parts / "out") as journal:
        journal.take_in(find(["parts/a.step"], outside=parts / "out"))
        journal.failed(next(journal.entries()), "why not")
    (parts / "new").mkdir()
    for name in ("parts", "out"):
        (parts / name).rename(parts / "new" / name)
    with Journal.open(parts / "new" / "out") as journal:
        journal.take_in(find([str(parts / "new" / "parts" / "a.step")], outside=parts / "new" / "out"))
        (entry,) = journal.entries(failed=True)
        assert (entry.error, journal.path_of(entry)) == ("why not", parts / "new" / "parts" / "a.step")


def test_only_the_inputs_of_this_run_come(parts):
    with Journal.open(parts / "out") as journal:
        journal.take_in(find(["parts"], outside=parts / "out"))
    with Journal.open(parts / "out") as journal:
        assert journal.take_in(find(["parts/sub"], outside=parts / "out")) == 1
        assert [entry.input for entry in journal.entries()] == ["../parts/sub/a.step"]


def test_what_a_batch_has_made_is_no_input_of_the_next(parts):
    with Journal.open(parts / "parts") as journal:
        journal.take_in(find(["parts/a.step"], outside=Path("parts")))
        (entry,) = journal.entries()
        journal.claim(entry, ["a.glb"])
        (parts / "parts" / "a.glb").write_text("made")
        journal.done(entry, [Left("a.glb", 4, 1)])
        assert journal.owner_of("a.glb") == (entry.input, Left("a.glb", 4, 1))
    with Journal.open(parts / "parts") as journal:
        journal.take_in(find(["parts/a.*"], outside=Path("parts")))
        assert [entry.input for entry in journal.entries()] == ["a.iges", "a.step"]


def test_one_program_at_a_time_holds_a_journal(parts):
    with (
        Journal.open(parts / "out"),
        pytest.raises(Conflict, match="Another batch is at work"),
        Journal.open(parts / "out"),
    ):
        pass
    with Journal.open(parts / "out"):
        pass


def test_a_journal_that_is_none_is_said(parts):
    (parts / "out").mkdir()
    (parts / "out" / NAME).write_text("no database at all" * 100)
    with pytest.raises(JournalError, match="cannot be used"), Journal.open(parts / "out"):
        pass


def test_what_stands_in_a_journal_survives_a_program_that_is_killed(parts):
    """No commit is left to the end: another connection sees each note at once, whatever becomes of this one."""
    with Journal.open(parts / "out") as journal:
        journal.take_in(find(["parts/a.step"], outside=parts / "out"))
        (entry,) = journal.entries()
        journal.sending(entry, digest="d", size=1, mtime_ns=1, work="w", url="u", key="k")
        journal.sent(entry, "uuid")
        copy = parts / "copy.sqlite"
        for end in ("", "-journal"):
            copy.with_name(copy.name + end).write_bytes((parts / "out" / (NAME + end)).read_bytes())
    with sqlite3.connect(copy) as seen:
        assert seen.execute("SELECT state, key, uuid FROM inputs").fetchall() == [("sent", "k", "uuid")]
    seen.close()


def test_ten_thousand_inputs_are_held_a_page_at_a_time(tmp_path):
    """Structure, not figures: what finds and what lists are asked for one by one, and never run ahead of a page."""
    taken = []

    def many():
        for number in range(10_000):
            taken.append(number)
            yield Found(tmp_path / f"{number}.step", "")

    statements = []
    with Journal.open(tmp_path / "out") as journal:
        assert journal.take_in(many()) == 10_000
        journal._sql.set_trace_callback(statements.append)
        entries = journal.entries()
        assert len(list(islice(entries, 100))) == 100
        assert len(statements) == 1
        assert len(list(entries)) == 9_900
        assert len(statements) == 101
