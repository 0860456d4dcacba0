"""TraceContext: to which trace a job belongs, and under which of its spans; W3C Trace Context, level 2."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# version-traceid-parentid-flags. Of a later version more may follow, behind a dash; version 00 ends here, ff is none.
_PARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_MOST_MEMBERS, _LONGEST_STATE = 32, 512
SAMPLED, _RANDOM = 1, 2


@dataclass(frozen=True)
class TraceContext:
    """Where in a trace something is.

    Attributes:
        trace_id: 32 hexadecimal digits, not all 0.
        span_id: 16 of them, likewise.
        flags: bits; 1: the trace is recorded.
        state: what others on the way have added, as `tracestate` has it; empty for nothing.
    """

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""

    @classmethod
    def parse(cls, parents: Sequence[str], states: Sequence[str] = ()) -> "TraceContext | None":
        """From a request's `traceparent` and `tracestate`; None where there is not exactly one good parent.

        Who sends a bad one gets a trace of its own, and no error: that is what the specification wants.
        """
        found = _PARENT.fullmatch(parents[0].strip()) if len(parents) == 1 else None
        if found is None or (found["version"] == "00" and found["more"]):
            return None
        if not int(found["trace"], 16) or not int(found["span"], 16):
            return None
        return cls(found["trace"], found["span"], int(found["flags"], 16) & (SAMPLED | _RANDOM), _state(states))

    @property
    def is_recorded(self) -> bool:
        """Whether who has sent it keeps its spans."""
        return bool(self.flags & SAMPLED)

    @property
    def parent_text(self) -> str:
        """As a `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def to_environment(self) -> dict[str, str]:
        """The environment by which a process goes on with it: the names that OpenTelemetry's tools look for."""
        state = {"TRACESTATE": self.state} if self.state else {}
        return {"TRACEPARENT": self.parent_text, **state}


def ids_of(trace: TraceContext | None) -> tuple[str, str] | None:
    """Of trace and span, for the log."""
    return None if trace is None else (trace.trace_id, trace.span_id)


def _state(values: Sequence[str]) -> str:
    """Several headers are one list; one that is no such list is left aside."""
    members = [member.strip(" \t") for value in values for member in value.split(",") if member.strip(" \t")]
    keys = [member.partition("=")[0] for member in members]
    is_good = all(map(_MEMBER.fullmatch, members)) and len(set(keys)) == len(keys) <= _MOST_MEMBERS
    text = ",".join(members)
    return text if is_good and len(text) <= _LONGEST_STATE else ""
