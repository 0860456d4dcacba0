"""What a script holds, read from its text: functions, parameters, @pixyz_schedule arguments. Nothing runs."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from typing_extensions import Self

from pixyz_scheduler.catalog.inline_metadata import NOTHING, Needs, needs_of
from pixyz_scheduler.catalog.source import parse_source
from pixyz_scheduler.errors import InvalidScript

DECORATOR = "pixyz_schedule"
MAX_SCRIPT_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter, as written."""

    name: str
    annotation: str | None
    default: str | None


@dataclass(frozen=True, kw_only=True)
class FunctionOutline:
    """One function at the top level of a script."""

    name: str
    line: int
    doc: str | None
    parameters: tuple[Parameter, ...]
    is_async: bool
    #: Keyword constants of its @pixyz_schedule; empty for a bare decorator, None without one.
    schedule: Mapping[str, object] | None


@dataclass(frozen=True, kw_only=True)
class ScriptOutline:
    """A parsed script."""

    filename: str
    doc: str | None
    functions: Mapping[str, FunctionOutline]
    #: What was seen and does not count, in words: decorator arguments that are known only when the script runs.
    warnings: tuple[str, ...]
    #: What it says it needs of the machine that it runs on.
    needs: Needs = NOTHING

    @classmethod
    def parse(cls, source: bytes, *, filename: str, max_bytes: int = MAX_SCRIPT_BYTES) -> Self:
        """Read a script without running any of it.

        Args:
            source: the file's bytes; a BOM and a PEP 263 encoding line are honoured.
            filename: as the user knows it, for error texts.
            max_bytes: larger scripts are refused: parsing takes about a hundred times their size of memory.

        Raises:
            InvalidScript: naming the line, and the line's text where there is one.
        """
        tree = parse_source(source, filename=filename, max_bytes=max_bytes)
        reader = _Reader(filename, tree)
        try:
            functions = {node.name: reader.function(node) for node in _functions(tree.body)}
        except (RecursionError, MemoryError) as error:
            raise InvalidScript(f"{filename} is nested too deeply to be read.") from error
        needs = needs_of(source, filename=filename)
        return cls(
            filename=filename,
            doc=ast.get_docstring(tree),
            functions=functions,
            warnings=(*reader.warnings, *needs.warnings),
            needs=needs,
        )

    def entrypoint(self, name: str = "main") -> FunctionOutline:
        """The function that a job starts with; raises InvalidScript naming those there are."""
        try:
            return self.functions[name]
        except KeyError:
            there = ", ".join(sorted(self.functions)) or "none"
            raise InvalidScript(
                f"{self.filename} has no function {name!r} at its top level. Functions there: {there}."
            ) from None


class _Reader:
    """Turns nodes into outlines, collecting warnings."""

    def __init__(self, filename: str, tree: ast.Module) -> None:
        self.filename = filename
        self.warnings: list[str] = []
        self._names = {DECORATOR} | {
            alias.asname
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == DECORATOR and alias.asname
        }

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> FunctionOutline:
        schedule: dict[str, object] | None = None
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if self._is_ours(call.func if call else decorator):
                schedule = {**(schedule or {}), **(self._constants(call) if call else {})}
        return FunctionOutline(
            name=node.name,
            line=node.lineno,
            doc=ast.get_docstring(node),
            parameters=tuple(_parameters(node.args)),
            is_async=isinstance(node, ast.AsyncFunctionDef),
            schedule=schedule,
        )

    def _is_ours(self, decorator: ast.expr) -> bool:
        match decorator:
            case ast.Name(id=name):
                return name in self._names
            case ast.Attribute(attr=name):
                return name == DECORATOR
            case _:
                return False

    def _constants(self, call: ast.Call) -> dict[str, object]:
        constants: dict[str, object] = {}
        for argument in call.args:
            self._warn(argument.lineno, "a positional argument")
        for keyword in call.keywords:
            if keyword.arg is None:
                self._warn(keyword.value.lineno, "`**` arguments")
                continue
            try:
                constants[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError):
                self._warn(keyword.value.lineno, f"`{keyword.arg}={ast.unparse(keyword.value)}`")
        return constants

    def _warn(self, line: int, what: str) -> None:
        self.warnings.append(
            f"{self.filename}, line {line}: {what} of @{DECORATOR} is not a keyword with a constant; "
            "it does not count when the job is queued."
        )


def _functions(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Top-level functions, in order; those under a top-level `if`, `try` or `with` too, save `if __name__ == ...`."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node
            case ast.If() if not _asks_name(node.test):
                yield from _functions([*node.body, *node.orelse])
            case ast.Try():
                handled = [statement for handler in node.handlers for statement in handler.body]
                yield from _functions([*node.body, *handled, *node.orelse, *node.finalbody])
            case ast.With():
                yield from _functions(node.body)


def _asks_name(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    yield from map(_parameter, positional, [*missing, *arguments.defaults])
    if arguments.vararg:
        yield _parameter(arguments.vararg, None, stars="*")
    yield from map(_parameter, arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg:
        yield _parameter(arguments.kwarg, None, stars="**")


def _parameter(argument: ast.arg, default: ast.expr | None, *, stars: str = "") -> Parameter:
    return Parameter(
        name=stars + argument.arg,
        annotation=ast.unparse(argument.annotation) if argument.annotation else None,
        default=ast.unparse(default) if default else None,
    )
