"""A script's bytes made a syntax tree, or an error that names the line."""

import ast
import io
import threading
import tokenize
import warnings

from pixyz_scheduler.errors import InvalidScript

_SHOWN = 100
# `warnings.catch_warnings` changes the whole process: one thread at a time, or the filters would stay changed.
_ONE_AT_A_TIME = threading.Lock()


def parse_source(source: bytes, *, filename: str, max_bytes: int) -> ast.Module:
    """Parse a script and check that it compiles; nothing of it runs. Raises InvalidScript."""
    if len(source) > max_bytes:
        raise InvalidScript(f"{filename} has {len(source)} bytes; a script has at most {max_bytes}.")
    text = _decode(source, filename)
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            # An odd escape in a user's string is no business of the server's log.
            warnings.simplefilter("ignore")
            tree = ast.parse(text, filename)
            # Some syntax errors, as `return` outside a function, are the compiler's to find.
            compile(tree, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise InvalidScript(_said(error, text, filename)) from error
    except (RecursionError, MemoryError) as error:
        raise InvalidScript(f"{filename} is nested too deeply to be read.") from error
    except ValueError as error:
        # As a number with more digits than Python converts; the parser gives no line for it.
        raise InvalidScript(f"{filename} cannot be parsed: {error}.") from error
    return tree


def _decode(source: bytes, filename: str) -> str:
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidScript(f"{filename} is UTF-16 text; save it as UTF-8.")
    if b"\0" in source:
        line = source[: source.index(b"\0")].count(b"\n") + 1
        raise InvalidScript(f"{filename}, line {line}: a NUL byte. This is a binary file, not a Python script.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError as error:
        # Also raised when nothing is declared and the first two lines are not UTF-8: then the byte can be named.
        if "missing" not in str(error.msg):
            raise InvalidScript(
                f"{filename}: {error.msg}. Save it as UTF-8, or name its encoding in line 1."
            ) from error
        encoding = "utf-8"
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise InvalidScript(
            f"{filename}, line {line}: byte 0x{source[error.start]:02x} is not {encoding} text. "
            "Save the script as UTF-8, or name its encoding in line 1."
        ) from error


def _said(error: SyntaxError, text: str, filename: str) -> str:
    where = f"{filename}, line {error.lineno}" if error.lineno else filename
    lines = text.splitlines()
    line = (error.text or (lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else "")).strip()
    shown = line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."
    return f"{where}: {error.msg}" + (f": `{shown}`" if shown else "")
