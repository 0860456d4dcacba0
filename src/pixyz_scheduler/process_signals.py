"""How a process of ours is asked to end, on each system: the names of the signals, and what is done about them.

Windows knows no signal from one process to another but Ctrl-Break, sent to a group of a console. SIGTERM is there, for
a process that raises it in itself.
"""

import os
import signal
import sys
from typing import Any

_CREATE_NEW_PROCESS_GROUP = 0x200


def apart(*, platform: str = sys.platform) -> dict[str, Any]:
    """For Popen: Ctrl-C at our terminal does not reach it, and it can be asked to end."""
    return {"creationflags": _CREATE_NEW_PROCESS_GROUP} if platform == "win32" else {"start_new_session": True}


def end_signal(*, platform: str = sys.platform) -> str:
    """The name of the signal that asks a process, started `apart`, to end in good order."""
    return "CTRL_BREAK_EVENT" if platform == "win32" else "SIGTERM"


def end_this_process() -> None:
    """As from outside: SIGTERM to ourselves; from any thread."""
    if sys.platform == "win32":
        # There `os.kill` would end it on the spot.
        signal.raise_signal(signal.SIGTERM)
    else:
        # To the process: raised in this thread it would not wake the main one from its waiting.
        os.kill(os.getpid(), signal.SIGTERM)


def take_break_as_end() -> None:
    """On Windows Ctrl-Break, which is how we are asked to end there, does what SIGTERM does. In the main thread."""
    number = getattr(signal, "SIGBREAK", None)
    if number is not None:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))
