"""The course: from nothing to an engine, the images, the stack, its trials, and to nothing again."""

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.guide import Guide
from tests.images import trials
from tests.images.base import PYTHON, make_base
from tests.images.engine import running_engine
from tests.images.programs import unpack
from tests.images.site import BASE, GID, OURS, PIXYZ, UID, Site, lay_out
from tests.images.wheels import collect

_OFFLINE = ("--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/wheels")


def run(say: Callable[[str], None]) -> None:
    """The whole course; raises Unavailable, or AssertionError with the containers' logs."""
    # A short path: the engine's socket has one too.
    with tempfile.TemporaryDirectory(prefix="pixyz-img-") as name, ThreadPoolExecutor() as beside:
        folder, started = Path(name), time.monotonic()

        def tell(text: str) -> None:
            say(f"[{time.monotonic() - started:5.1f} s] {text}")

        wheels = folder / "wheels"
        wheels.mkdir()
        collected = beside.submit(collect, wheels, python=PYTHON)
        programs = unpack(folder / "programs")
        tell("Docker's programs are unpacked")
        make_base(programs, folder / "base.tar")
        tell("a base image is made")
        collected.result()
        with running_engine(programs, folder / "engine") as engine:
            engine.docker("import", folder / "base.tar", BASE)
            guide = Guide("docs/how-to/docker.md").blocks
            site = Site(engine, folder, tell, key=lay_out(folder, wheels, guide[0]))
            tell("an engine runs")
            try:
                _on(site, guide)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{site.logs()}") from error
        tell("the engine is gone")


def _on(site: Site, guide: Sequence[str]) -> None:
    _, start, send, inside, end = guide[:5]
    site.compose("--file", "compose.yaml", "--file", "compose.gpu.yaml", "config", "--quiet")
    _build(site)
    trials.nothing_in_an_image_that_does_not_belong(site)
    # They are built, as they can be here.
    site.follow(start.replace(" --build", ""))
    site.compose("--profile", "flower", "up", "--detach", "--no-build", "--scale", "worker=2", *OURS, "flower")
    site.until("all are healthy", lambda: all(map(site.is_healthy, _everyone(site))))
    site.follow(send)
    assert (site.project / "gearbox.glb").read_bytes().startswith(b"glTF")
    site.follow(inside)
    site.say("jobs run as the guide says")
    trials.an_archive_is_made(site)
    trials.containers_are_confined(site)
    trials.flower_asks_who_is_there(site)
    trials.a_job_that_is_too_large_goes_to_gpuhigh(site)
    trials.a_killed_worker_costs_an_attempt(site)
    trials.a_worker_that_is_cut_off_costs_an_attempt(site)
    trials.a_killed_store_forgets_nothing(site)
    trials.all_leave_in_good_order(site)
    site.follow(end)
    site.compose("down", "--volumes")
    assert site.engine.docker("volume", "ls", "--quiet") == ""


def _build(site: Site) -> None:
    """As the guide says, and beside it the worker for the Pixyz SDK, on a base that stands for the SDK's."""
    base, _, version = BASE.partition(":")
    told = {"PYTHON_IMAGE": BASE, "PIXYZ_IMAGE_BASE": base, "PIXYZ_IMAGE_VERSION": version}
    told |= {"UID": UID, "GID": GID}
    words = [word for name, value in told.items() for word in ("--build-arg", f"{name}={value}")]
    with ThreadPoolExecutor() as beside:
        sdk = beside.submit(
            site.engine.docker,
            "build",
            "--quiet",
            *_OFFLINE,
            *words,
            "--target",
            "worker-pixyz",
            "--tag",
            PIXYZ,
            site.project,
        )
        site.compose("build", "--parallel", *_OFFLINE)
        sdk.result()
    site.say("the images are built")


def _everyone(site: Site) -> list[str]:
    """Containers of ours, and the store."""
    found = [container for service in (*OURS, "redis") for container in site.containers(service)]
    assert len(found) == len(OURS) + 2
    return found
