"""Text that any UTF-8 reader can hold."""


def printable(text: str) -> str:
    """The same text, with lone surrogates (which UTF-8 cannot hold) written as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str, *, limit: int = 1000) -> str:
    """The same text on one line, cut at `limit` characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
