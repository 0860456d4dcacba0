"""Names that Windows cannot give a file, whatever folder it is in: devices, some characters, some ends."""

import re

# With any suffix, in any case; the digits may be superscript ones.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:[ ]*[.:].*|[ ]*)", re.IGNORECASE
)
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\/]')


def is_device(name: str) -> bool:
    """Whether Windows takes this for a device instead of a file: `con`, `NUL.step`."""
    return _DEVICE.fullmatch(name) is not None


def fault(name: str) -> str | None:
    """What keeps one step of a path from being a name on Windows, in words; None where nothing does."""
    if is_device(name):
        return "is the name of a device on Windows"
    if found := _FORBIDDEN.search(name):
        return f"has {found[0]!r} in it, which no name on Windows may have"
    if name.endswith((".", " ")):
        return "ends in a dot or a blank, which Windows drops"
    return None
