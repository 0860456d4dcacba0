"""What a script says it needs, in a `# /// script` block of comments (PEP 723): read from its text, never run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pixyz_scheduler.errors import InvalidScript

_BEGIN = re.compile(r"# /// (?P<kind>[A-Za-z0-9-]+)\s*")
_END = "# ///"
_KIND = "script"
_MARK = b"# /// script"


@dataclass(frozen=True)
class Needs:
    """What a script needs of the machine it runs on.

    Attributes:
        dependencies: packages, each as PEP 508 writes it; sorted, each once.
        requires_python: versions of Python, as PEP 440 writes them; None for any.
        warnings: what was seen there and does not count, in words.
    """

    dependencies: tuple[str, ...] = ()
    requires_python: str | None = None
    warnings: tuple[str, ...] = ()


NOTHING = Needs()


def needs_of(source: bytes, *, filename: str) -> Needs:
    """What the script needs; NOTHING where it does not say.

    Raises:
        InvalidScript: the block is there and cannot be read; names the line.
    """
    if _MARK not in source:
        return NOTHING
    blocks = list(_blocks(source.decode("utf-8", "replace").splitlines()))
    if not blocks:
        return NOTHING
    if len(blocks) > 1:
        raise InvalidScript(
            f"{filename}, line {blocks[1][0]}: a script has one block `# /// script`, and this is the second."
        )
    line, text = blocks[0]
    return _read(text, f"{filename}, line {line}")


def _blocks(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each block of our kind: the number of its first line, and its content; one that never ends is none (PEP 723)."""
    number = 0
    while number < len(lines):
        found = _BEGIN.fullmatch(lines[number])
        first = number
        number += 1
        if not found:
            continue
        end = number
        while end < len(lines) and (lines[end] == "#" or lines[end].startswith("# ")):
            end += 1
        # The last `# ///` of the run ends it: the content may hold one too.
        closing = next((index for index in range(end - 1, first, -1) if lines[index].rstrip() == _END), None)
        if closing is None:
            continue
        if found["kind"] == _KIND:
            yield first + 1, "\n".join(line[2:] for line in lines[number:closing])
        number = closing + 1


def _read(text: str, where: str) -> Needs:
    # Only scripts that say what they need pay for these.
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        block = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidScript(f"{where}: the block `# /// script` is not TOML: {error}.") from None
    warnings = [
        f"{where}: {name} of the block `# /// script` is not looked at."
        for name in sorted(block.keys() - {"dependencies", "requires-python"})
    ]
    return Needs(
        _dependencies(block.get("dependencies", []), where),
        _requires(block.get("requires-python"), where),
        tuple(warnings),
    )


def _dependencies(value: object, where: str) -> tuple[str, ...]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidScript(f"{where}: dependencies must be a list of texts.")
    found = set()
    for item in value:
        try:
            requirement = Requirement(item)
        except InvalidRequirement as error:
            said = str(error).partition("\n")[0]
            raise InvalidScript(f"{where}: dependencies has {item!r}, which is no package: {said}.") from None
        requirement.name = canonicalize_name(requirement.name)
        found.add(str(requirement))
    return tuple(sorted(found))


def _requires(value: object, where: str) -> str | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if value is None:
        return None
    try:
        return str(SpecifierSet(value if isinstance(value, str) else "not text"))
    except InvalidSpecifier:
        raise InvalidScript(f'{where}: requires-python is {value!r}; it must be as in ">=3.11".') from None
