"""What runs a job, as one hash."""

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.worker.cache.program import Program, digest_of_files


def test_the_same_program_has_the_same_hash_and_another_engine_another():
    assert Program(EngineChoice(name="open")).digest == Program(EngineChoice(name="open")).digest
    assert Program(EngineChoice(name="open")).digest != Program(EngineChoice(name="none")).digest


def test_another_sdk_is_another_program(tmp_path):
    (tmp_path / "pxz").mkdir()
    library = tmp_path / "pxz" / "__init__.py"
    library.write_text("VERSION = 1")
    before = Program(EngineChoice(sdk=tmp_path)).digest
    assert before == Program(EngineChoice(sdk=tmp_path)).digest
    library.write_text("VERSION = 10")
    assert before != Program(EngineChoice(sdk=tmp_path)).digest


def test_files_are_known_by_their_names_and_what_is_in_them(tmp_path):
    one, two = tmp_path / "a.py", tmp_path / "b.py"
    one.write_text("1")
    two.write_text("2")
    whole = digest_of_files([one, two], tmp_path)
    assert whole == digest_of_files([one, two], tmp_path)
    assert whole != digest_of_files([one], tmp_path)
    two.rename(tmp_path / "c.py")
    assert whole != digest_of_files([one, tmp_path / "c.py"], tmp_path)
    (tmp_path / "c.py").rename(two)
    two.write_text("3")
    assert whole != digest_of_files([one, two], tmp_path)
