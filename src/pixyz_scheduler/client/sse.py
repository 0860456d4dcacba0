"""Server-sent events: lines in, events out, as the HTML standard's section 9.2 defines them. No I/O."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    data: str
    name: str = "message"
    id: str | None = None


class EventLines:
    """Collects lines until they make an event."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self._data: list[str] = []
        self._name = "message"

    def feed(self, line: str) -> Event | None:
        """The event that this line completes, if it does."""
        if not line:
            return self._complete()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id" if "\0" not in value:
                self.last_id = value
            case _:
                pass  # a comment (a line that opens with ":"), or a field for browsers
        return None

    def _complete(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name = [], "message"
        return Event(data="\n".join(data), name=name, id=self.last_id) if data else None
