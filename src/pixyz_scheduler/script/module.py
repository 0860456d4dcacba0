"""A user's script, loaded as a module of its own name: its `if __name__ == "__main__"` block does not run."""

import linecache
import sys
from pathlib import Path
from types import CodeType, ModuleType


def load(script: Path, *, source: bytes | None = None, as_main: bool = False) -> ModuleType:
    """The script as a module, in `sys.modules` so that dataclasses and pickle find its classes.

    A script that runs as `python script.py` is that running module itself. `source` saves reading the file. With
    `as_main` the module is `__main__` too: there multiprocessing's spawn, pickle and pdb look for the script.
    Raises what the script raises at its top level, and SyntaxError.
    """
    running = sys.modules.get("__main__")
    if running is not None and _file_of(running) == script.absolute():
        return running
    name = module_name(script)
    loaded = sys.modules.get(name)
    if loaded is not None and _file_of(loaded) == script.absolute():
        return loaded
    code = _compiled(script, script.read_bytes() if source is None else source)
    module = ModuleType(name)
    module.__file__ = str(script.absolute())
    sys.modules[name] = module
    if as_main:
        sys.modules["__main__"] = module
    try:
        exec(code, module.__dict__)  # noqa: S102  (running the user's script is what we are for)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def module_name(script: Path) -> str:
    """The file's stem, unless that would hide a module that others need (`json.py`)."""
    stem = script.stem
    loaded = sys.modules.get(stem)
    taken = stem in sys.stdlib_module_names or (loaded is not None and _file_of(loaded) != script.absolute())
    return f"script_{stem}" if taken or not stem.isidentifier() else stem


def _compiled(script: Path, source: bytes) -> CodeType:
    _remember_lines(script, source.decode("utf-8", "replace"))
    try:
        return compile(source, str(script.absolute()), "exec", dont_inherit=True)
    except SyntaxError as error:  # of null bytes or a wrong encoding, which have no line
        error.filename = error.filename or str(script.absolute())
        raise
    except (ValueError, MemoryError, RecursionError) as error:  # null bytes before Python 3.12; nested too deeply
        reason = str(error) or "nested too deeply"
        raise SyntaxError(reason, (str(script.absolute()), None, None, None)) from None


def _remember_lines(script: Path, text: str) -> None:
    """Let a traceback show the lines even when the share is gone."""
    file = str(script.absolute())
    lines = [f"{line}\n" for line in text.splitlines()]  # 3.11 puts the carets wrong under a line that has no end
    linecache.cache[file] = (len(text), None, lines, file)  # without a time, `checkcache` lets the entry be


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).absolute() if isinstance(file, str) else None
