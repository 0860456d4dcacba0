"""Scripts: the Lua of lua/, loaded with the pace of the farm, and run by name."""

from importlib import resources
from typing import Any

import redis
import redis.exceptions

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.errors import RecordError
from pixyz_scheduler.jobs.hops import BOUNDS, HOPS
from pixyz_scheduler.jobs.pace import Pace
from pixyz_scheduler.jobs.queues import NAMED_QUEUES


class Scripts:
    """The scripts on one Redis.

    Args:
        client: decoded answers; its timeout bounds each call.
        pace: the times of the protocol.
    """

    def __init__(self, client: "redis.Redis", pace: Pace) -> None:
        self._client: Any = client
        self._scripts = {name: client.register_script(source) for name, source in sources(pace).items()}

    def run(self, name: str, now_ms: int, *arguments: str | float) -> Any:
        """Run one.

        Args:
            name: of its file.
            now_ms: the wall clock for tests, in ms; 0 is the server's own.
            arguments: what its first line says.

        Raises:
            StoreUnavailable: see store_errors.
            RecordError: it met a record of another version.
        """
        with store_errors():
            try:
                return self._evaluate(self._scripts[name], now_ms, *arguments)
            except redis.ResponseError as error:
                if "VERSION " in str(error):
                    raise RecordError(f"A record of another version is in the store: {error}.") from error
                raise

    def _evaluate(self, script: Any, *arguments: str | float) -> Any:
        try:
            # As the library would, without its way there: each request of the API and of a worker comes by here.
            return self._client.execute_command("EVALSHA", script.sha, 0, *arguments)
        except redis.exceptions.NoScriptError:
            return script(args=arguments)


def sources(pace: Pace) -> dict[str, str]:
    """The text of each script by its name, what all begin with included."""
    folder = resources.files("pixyz_scheduler.broker").joinpath("lua")
    texts = {file.name.removesuffix(".lua"): file.read_text(encoding="utf-8") for file in folder.iterdir()}
    for name in ("submit_once", "start"):
        texts[name] = f"local function submit()\n{texts['submit']}\nend\n{texts[name]}"
    said = f"local CLOCK_STEP = {in_ms(pace.clock_step)}\n"
    hops = ", ".join(f"'{hop}'" for hop in HOPS)
    said += f"local HOPS, HOP_BOUNDS = {{{hops}}}, {{{', '.join(map(str, BOUNDS))}}}\n"
    queues = ", ".join(f"{name} = true" for name in NAMED_QUEUES)
    said += f"local NAMED_QUEUES = {{{queues}}}\n"
    prelude = said + texts.pop("prelude")
    return {name: f"{prelude}\n{text}" for name, text in texts.items()}


def in_ms(seconds: float) -> int:
    """Whole milliseconds, as the scripts count."""
    return round(seconds * 1000)
