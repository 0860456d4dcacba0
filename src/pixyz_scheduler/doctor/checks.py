"""checks_of(): everything that is looked at, in the order in which it is told."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pixyz_scheduler.doctor import api, conf, engine, farm, machine, share, store, worker_port
from pixyz_scheduler.doctor.examination import Check
from pixyz_scheduler.launcher.beside_up import beside_up
from pixyz_scheduler.settings.survey import survey


def checks_of(environ: Mapping[str, str], cwd: Path) -> list[Check]:
    """The checks of the installation that this environment, and this folder's pixyz-scheduler.conf, describe."""
    found = survey(environ, cwd)
    settings = beside_up(found.settings)
    return [
        Check("settings", partial(conf.look_at, found)),
        Check("machine", partial(machine.look_at, settings)),
        Check("store", partial(store.look_at, settings)),
        Check("share", partial(share.look_at, settings)),
        Check("api", partial(api.look_at, settings)),
        Check("metrics", partial(worker_port.look_at, settings)),
        Check("workers", partial(farm.look_at, settings)),
        Check("engine", partial(engine.look_at, settings), patience=engine.PATIENCE),
    ]
