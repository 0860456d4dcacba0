"""AttemptRequest: all that a child is told to run one attempt; it comes over the channel as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixyz_scheduler.script.channel import ChannelError


@dataclass(frozen=True)
class AttemptRequest:
    """One attempt: a context (the keys of ProgramContext) and the folder to work in."""

    context: Mapping[str, Any]
    workspace: Path | None = None
    """Becomes the working folder; None leaves it as it is."""
    source: str | None = field(default=None, repr=False)
    """The script's text, where the sender has it at hand: saves the child reading the share."""
    input_url: str | None = field(default=None, repr=False)
    """From where the input is fetched before the script begins; no key of the context, for it may hold a password."""

    plain: bool = False
    """Whether the script imports nothing of the 3D engine's; see `catalog.glance`."""

    trace: Mapping[str, str] = field(default_factory=dict)
    """Names and values of the environment by which the script can go on with the job's trace."""

    @property
    def script(self) -> Path:
        """The script's path, which its traceback and its imports go by."""
        return Path(self.context["script"])

    def to_message(self) -> dict[str, Any]:
        """As it goes over the channel."""
        return {
            "type": "request",
            "context": dict(self.context),
            "workspace": None if self.workspace is None else str(self.workspace),
            "source": self.source,
            "input_url": self.input_url,
            "plain": self.plain,
            "trace": dict(self.trace),
        }

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "AttemptRequest":
        """As it came.

        Raises:
            ChannelError: no context, or none that names a script.
        """
        context = message.get("context")
        if not isinstance(context, Mapping) or not isinstance(context.get("script"), str):
            raise ChannelError("A request needs a context that names the script.")
        workspace = message.get("workspace")
        folder = None if workspace is None else Path(workspace)
        source, url, plain = message.get("source"), message.get("input_url"), message.get("plain") is True
        return cls(context, folder, source, url, plain, message.get("trace") or {})
