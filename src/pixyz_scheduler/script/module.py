"""A user's script, loaded as a module of its own name: its `if __name__ == "__main__"` block does not run."""

import linecache
import sys
from pathlib import Path
from types import CodeType, ModuleType


def load(script: Path, *, source: bytes | None = None) -> ModuleType:
    """The script as a module, in `sys.modules` so that dataclasses and pickle find its classes.

    A script that runs as `python script.py` is that running module itself. `source` saves reading the file.
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
    text = source.decode("utf-8", "replace")
    # A traceback shows the lines even when the share is gone; without a time `checkcache` lets the entry be.
    linecache.cache[str(script.absolute())] = (len(text), None, text.splitlines(keepends=True), str(script.absolute()))
    try:
        return compile(source, str(script.absolute()), "exec", dont_inherit=True)
    except ValueError as error:  # null bytes, before Python 3.12
        raise SyntaxError(str(error), (script.name, 1, None, None)) from None


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).absolute() if isinstance(file, str) else None
