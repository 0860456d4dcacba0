"""What the running stack is put through, each a sentence that is true or ends the course."""

import json
import re
import subprocess
from pathlib import Path
from zipfile import ZipFile

from tests.images.site import FLOWER, GID, IMAGES, OURS, UID, Site

# Grows to 1 GiB: above what the container of a `cpu` worker has.
HOARDS = """
def main(pc, params):
    held = [bytearray(b"x" * (16 << 20)) for _ in range(64)]
    return len(held)
"""
# Lasts until it is told to end, by a file on the share; says where it runs.
LASTS = """
import os, socket, time

def main(pc, params):
    print("here:", socket.gethostname(), flush=True)
    while not os.path.exists("/share/" + params["gate"]):
        time.sleep(0.05)
"""


def nothing_in_an_image_that_does_not_belong(site: Site) -> None:
    """No compiler, no installer, and a user who is not root, in each image of ours."""
    look = "id -u; for each in cc gcc g++ make pip pip3; do command -v $each; done; true"
    for image in IMAGES:
        told = site.engine.docker("run", "--rm", "--read-only", "--entrypoint", "sh", image, "-c", look)
        assert told == UID, f"{image}: {told}"
    site.say("the images hold what they should")


def an_archive_is_made(site: Site) -> None:
    """On another queue than the job's, by a worker without an engine."""
    (job, *_) = (uuid for uuid, status in _known_jobs(site) if status == "SUCCESS")
    archive = site.folder / "files.zip"
    site.cli("download_all", "-j", job, "-o", archive)
    assert ZipFile(archive).testzip() is None


def containers_are_confined(site: Site) -> None:
    """Nothing can be written but what is named, volumes are the user's, and no dead process stays unburied."""
    (worker, *_), (redis,) = site.containers("worker"), site.containers("redis")
    owner = f"{UID} {GID}"
    for container, folder in (
        (worker, "/share"),
        (worker, "/work"),
        (redis, "/store"),
        (redis, "/store/appendonlydir"),
    ):
        assert site.inside(container, "stat", "-c", "%u %g", folder).strip() == owner, folder
    assert "Read-only file system" in site.inside(worker, "touch", "/opt/x", status=1)
    published = [port for port, hosts in site.inspect(redis)["NetworkSettings"]["Ports"].items() if hosts]
    assert published == []
    assert site.inside(worker, "cat", "/proc/1/comm").strip() == "tini"
    # Whose parent is gone is the first process's, which has to wait for its end.
    site.inside(worker, "sh", "-c", "(sleep 0.2 &) ; exit 0")
    zombies = "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null; true"
    site.until("no dead process is unburied", lambda: not site.inside(worker, "sh", "-c", zombies).strip())


def flower_asks_who_is_there(site: Site) -> None:
    """It is reached on the host, with its password alone, and sees the workers."""
    page = "http://127.0.0.1:5555/api/workers?refresh=1"

    def status(*more: str) -> str:
        said = site.on_host("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *more, page, check=False)
        return said.stdout

    site.until("Flower answers", lambda: status() == "401")
    site.until("Flower knows whom it lets in", lambda: status("-u", FLOWER) == "200")


def a_job_that_is_too_large_goes_to_gpuhigh(site: Site) -> None:
    """The kernel ends what outgrows a `cpu` worker's container: the job, not the worker; `gpuhigh` has the room."""
    details = site.ended(site.send(HOARDS))
    assert details["status"] == "SUCCESS", details
    first, second = details["attempts"]
    assert (first["queue"], second["queue"]) == ("cpu", "gpuhigh"), details["attempts"]
    (control,) = site.containers("control")
    workers = json.loads(site.inside(control, "pixyz-scheduler", "admin", "workers", "--json"))["workers"]
    assert first["worker"] in [each["name"] for each in workers], "it cost more than the job"
    site.say(f"a job that was too large ended on gpuhigh; on cpu it was {first['outcome']} (signal {first['signal']})")


def a_killed_worker_costs_an_attempt(site: Site) -> None:
    """A container whose first process is killed takes its job with it: another worker ends it, and it comes back."""
    job, worker = _at_work(site, "killed")
    subprocess.run(["kill", "-KILL", str(_host_pid(site, worker))], check=True)
    _open(site, "killed")
    details = site.ended(job)
    assert (details["status"], len(details["attempts"])) == ("SUCCESS", 2), details
    site.until("the killed one works again", lambda: _is_well(site, worker, "worker"))
    site.say(f"a killed worker's job ended elsewhere; the first attempt was {details['attempts'][0]['outcome']}")


def a_worker_that_is_cut_off_costs_an_attempt(site: Site) -> None:
    """It loses its job to another; once the network is back, it works again."""
    job, worker = _at_work(site, "cut")
    (network,) = site.inspect(worker)["NetworkSettings"]["Networks"]
    site.engine.docker("network", "disconnect", network, worker)
    site.until("another has the job", lambda: _runs_in(site, job) not in (None, worker))
    assert not _is_well(site, worker, "worker")
    _open(site, "cut")
    details = site.ended(job)
    assert (details["status"], len(details["attempts"])) == ("SUCCESS", 2), details
    site.engine.docker("network", "connect", network, worker)
    site.until("the one that was cut off works again", lambda: _is_well(site, worker, "worker"))
    site.say(
        f"a worker's job that was cut off ended elsewhere; the first attempt was {details['attempts'][0]['outcome']}"
    )


def a_killed_store_forgets_nothing(site: Site) -> None:
    """Without the store the API says what is wrong; a store that was killed still knows every job."""
    (redis,), (api,) = site.containers("redis"), site.containers("api")
    before = _known_jobs(site)
    site.engine.docker("kill", redis)
    # At first it may only be slow: without a container of that name there is nobody quick to say that there is none.
    site.until("the API misses its store", lambda: "store: " in _health(site, api, "api").stderr)
    site.engine.docker("start", redis)
    site.until("the API has its store", lambda: _is_well(site, api, "api"))
    assert _known_jobs(site) == before


def all_leave_in_good_order(site: Site) -> None:
    """Who is told to end does so by itself and in time."""
    site.compose("stop", *OURS)
    left = {service: site.containers(service, stopped=True) for service in OURS}
    ended = {service: [site.inspect(each)["State"]["ExitCode"] for each in left[service]] for service in OURS}
    assert {status for statuses in ended.values() for status in statuses} == {0}, ended
    site.say("all have ended in good order")


def _at_work(site: Site, gate: str) -> tuple[str, str]:
    """A job that runs, and the container that it runs in."""
    job = site.send(LASTS, "-p", json.dumps({"gate": gate}))
    site.until("a job runs", lambda: _runs_in(site, job))
    worker = _runs_in(site, job)
    assert worker is not None
    return job, worker


def _runs_in(site: Site, job: str) -> str | None:
    """The container that a job's last attempt has begun in; None where none has yet."""
    found = re.search(r"here: (\w+)", site.ours("logs", "-j", job).stdout)
    running = [each for service in OURS for each in site.containers(service)]
    return next((each for each in running if found and each.startswith(found[1])), None)


def _open(site: Site, gate: str) -> None:
    (api,) = site.containers("api")
    site.inside(api, "touch", f"/share/{gate}")


def _health(site: Site, container: str, part: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "exec", container, "pixyz-scheduler", "health", part]
    return subprocess.run(command, env=site.engine.environment, capture_output=True, text=True, check=False)


def _is_well(site: Site, container: str, part: str) -> bool:
    return _health(site, container, part).returncode == 0


def _known_jobs(site: Site) -> list[tuple[str, str]]:
    jobs = json.loads(site.cli("jobs", "--json"))["jobs"]
    return sorted((job["uuid"], job["status"]) for job in jobs)


def _host_pid(site: Site, container: str) -> int:
    """Of its first process, as this machine numbers it: the engine is in a namespace of its own."""
    inner = site.inspect(container)["State"]["Pid"]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            numbers = next(line.split()[1:] for line in status.read_text().splitlines() if line.startswith("NSpid:"))
        except (OSError, StopIteration):  # it has ended meanwhile
            continue
        # Here, in the engine's namespace, in the container's own.
        if numbers[1:] == [str(inner), "1"]:
            return int(numbers[0])
    raise AssertionError(f"no process here is the engine's {inner}")
