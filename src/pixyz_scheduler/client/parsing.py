"""Read the server's answers: values out of bodies, errors out of refusals. No I/O."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pixyz_scheduler.client.errors import UnexpectedAnswer
from pixyz_scheduler.client.graph import Graph, graph_from
from pixyz_scheduler.client.models import Attempt, JobDetails, JobPage, JobState, Step, TimeInfo
from pixyz_scheduler.errors import (
    AccessDenied,
    BadInput,
    Conflict,
    NotFound,
    NotReady,
    SchedulerError,
    StorageFull,
    Unavailable,
)

REFUSALS: Mapping[int, type[SchedulerError]] = {
    400: BadInput,
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    413: BadInput,
    422: BadInput,
    425: NotReady,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: StorageFull,
}
LONGEST_QUOTE = 300
NO_CONTENT = 204


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """By names in lower case."""

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004  (2xx is how HTTP says it)


def refusal(answer: Answer, url: str) -> SchedulerError:
    """The error that a refusing answer means."""
    kind = REFUSALS.get(answer.status, UnexpectedAnswer)
    told = _told(answer)
    if kind is AccessDenied:
        reason = told or "the key is missing or wrong"
        return AccessDenied(
            f"{url} refuses the key: {_as_clause(reason)}. Give it by -t KEY, token=KEY or PIXYZ_TOKEN."
        )
    if told is None:
        return kind(
            f"{url} answered {answer.status} without a reason: is a Pixyz Scheduler there?{_quote(answer.body)}"
        )
    return kind(told)


def job_state(answer: Answer) -> JobState:
    """The JobState that the body is."""
    return state_from(_object(answer))


def is_gone(answer: Answer) -> bool:
    """Whether there is no job any more; else there is none soon."""
    return answer.status == NO_CONTENT


def job_details(answer: Answer) -> JobDetails:
    """The JobDetails that the body is."""
    return details_from(_object(answer))


def job_page(answer: Answer) -> JobPage:
    """A page of a listing."""
    told = _object(answer)
    rows = told.get("jobs")
    if not isinstance(rows, list):
        raise UnexpectedAnswer(f'The listing of jobs has no "jobs".{_quote(answer.body)}')
    return JobPage(tuple(state_from(row) for row in rows if isinstance(row, dict)), _text(told.get("cursor")))


def graph(answer: Answer) -> Graph:
    """The jobs of a workflow and what ties them."""
    return graph_from(_object(answer))


def text(answer: Answer) -> str:
    """The body as it is."""
    return answer.body.decode("utf-8", "replace")


def names(key: str) -> Callable[[Answer], tuple[str, ...]]:
    """A parser for `{key: [text, ...]}`."""

    def parse(answer: Answer) -> tuple[str, ...]:
        found = _object(answer).get(key)
        if not isinstance(found, list):
            raise UnexpectedAnswer(f'The answer has no list "{key}".{_quote(answer.body)}')
        return tuple(str(each) for each in found)

    return parse


def doc(answer: Answer) -> str:
    """The documentation of a process."""
    return str(_object(answer).get("doc") or "")


def version(answer: Answer) -> str:
    """The server's version, out of its welcome line; the line itself where it names none."""
    welcome = answer.body.decode("utf-8", "replace").strip().strip('"')
    found = re.search(r"\d+\.\d+[\w.+-]*\w", welcome)
    return found.group() if found else welcome[:LONGEST_QUOTE]


def state_from(told: Mapping[str, object]) -> JobState:
    """A JobState from decoded JSON."""
    return JobState(
        uuid=_uuid(told),
        status=str(told.get("status") or "UNKNOWN"),
        name=_text(told.get("name")),
        progress=_percent(told.get("progress")),
        error=_text(told.get("error")),
        reason=_reason(told),
        raw=told,
    )


def _reason(told: Mapping[str, object]) -> str | None:
    """A server that is older than this client has none in its details: then the last line of the traceback."""
    lines = (_text(told.get("reason")) or _text(told.get("error")) or "").strip().splitlines()
    return lines[-1].strip() if lines else None


def details_from(told: Mapping[str, object]) -> JobDetails:
    """A JobDetails from decoded JSON."""
    state = state_from(told)
    times, steps, retry = told.get("time_info"), told.get("steps"), told.get("retry")
    attempts, children = told.get("attempts"), told.get("children")
    return JobDetails(
        uuid=state.uuid,
        status=state.status,
        name=state.name,
        progress=state.progress,
        error=state.error,
        reason=state.reason,
        raw=told,
        time_info=_times(times if isinstance(times, dict) else {}),
        steps=tuple(_step(each) for each in steps if isinstance(each, dict)) if isinstance(steps, list) else (),
        retry=retry if isinstance(retry, int) else 0,
        result=told.get("result"),
        cause=_text(told.get("cause")),
        waiting_for=_text(told.get("waiting_for")),
        attempts=tuple(_attempt(each) for each in attempts if isinstance(each, dict))
        if isinstance(attempts, list)
        else (),
        parent=_text(told.get("parent")),
        children=tuple(map(str, children)) if isinstance(children, list) else (),
        cached_from=_text(told.get("cached_from")),
    )


def _attempt(told: Mapping[str, object]) -> Attempt:
    return Attempt(
        number=_whole(told.get("number")) or 0,
        worker=_text(told.get("worker")) or "",
        queue=_text(told.get("queue")) or "",
        outcome=_text(told.get("outcome")) or "",
        exit_code=_whole(told.get("exit_code")),
        signal=_whole(told.get("signal")),
        peak_memory=_whole(told.get("peak_memory")),
    )


def _whole(told: object) -> int | None:
    return told if isinstance(told, int) else None


def _times(told: Mapping[str, object]) -> TimeInfo:
    return TimeInfo(_text(told.get("request")), _text(told.get("started")), _text(told.get("stopped")))


def _step(told: Mapping[str, object]) -> Step:
    duration = told.get("duration")
    return Step(
        info=str(told.get("info") or ""), duration=float(duration) if isinstance(duration, int | float) else -1.0
    )


def _uuid(told: Mapping[str, object]) -> str:
    uuid = told.get("uuid")
    if not isinstance(uuid, str):
        raise UnexpectedAnswer("The server told of a job without its uuid.")
    return uuid


def _text(told: object) -> str | None:
    return None if told is None else str(told)


def _percent(told: object) -> int | None:
    return max(0, min(100, round(told))) if isinstance(told, int | float) else None


def _object(answer: Answer) -> Mapping[str, object]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise UnexpectedAnswer(f"The answer is not a scheduler's: is the URL right?{_quote(answer.body)}")
    return told


def _told(answer: Answer) -> str | None:
    """The reason in `{"detail": {"code", "message", "details"}}`, or in FastAPI's own `{"detail": text}`."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        return None
    detail = told.get("detail") if isinstance(told, dict) else None
    if isinstance(detail, dict):
        detail = detail.get("details") or detail.get("message")
    return str(detail) if detail else None


def _as_clause(reason: str) -> str:
    return reason.strip().rstrip(".")


def _quote(body: bytes) -> str:
    text = " ".join(body[:LONGEST_QUOTE].decode("utf-8", "replace").split())
    return f" It said: {text}" if text else ""
