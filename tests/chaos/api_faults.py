"""ApiFaults: APIs killed, at any moment and under an upload."""

from collections.abc import Callable, Mapping

from tests.chaos.breakage import Breakage
from tests.chaos.farm import Farm
from tests.chaos.load import Load
from tests.chaos.member import Member
from tests.chaos.uploads import SlowUpload

_AT_ONCE = 6


class ApiFaults:
    """Each of `deeds` answers whether it could be done: only while all APIs are up.

    Args:
        breakage: keeps the account.
        farm: its APIs are hit.
        load: looks after jobs that were taken all the same.

    Attributes:
        cut: uploads that were under way when their API was killed.
    """

    def __init__(self, breakage: Breakage, farm: Farm, load: Load) -> None:
        self._breakage = breakage
        self._farm = farm
        self._load = load
        self.cut = 0
        self._uploads: list[SlowUpload] = []

    @property
    def deeds(self) -> Mapping[str, Callable[[], bool]]:
        """By kind."""
        return {"api killed": self._kill, "upload killed": self._kill_upload}

    def join(self) -> None:
        """Wait for the uploads under way."""
        for upload in self._uploads:
            upload.join()

    def _one(self) -> Member | None:
        free = self._breakage.free(self._farm.apis)
        return self._breakage.dice.choice(free) if len(free) == len(self._farm.apis) else None

    def _kill(self) -> bool:
        api = self._one()
        if api is None:
            return False
        self._breakage.note("api killed", api.name, pid=api.pid)
        api.kill()
        api.start()
        return True

    def _kill_upload(self) -> bool:
        api = self._one()
        if api is None:
            return False
        self._breakage.busy.add(api.name)
        dice = self._breakage.dice
        takes = dice.uniform(0.05, 0.5)
        # One is in mid-body, or about whole: then its folder, record and bell are made. The others are in mid-body.
        wait = dice.choice((dice.uniform(0, takes), takes + dice.uniform(-0.01, 0.06)))
        self._uploads = [upload for upload in self._uploads if upload.is_under_way]
        mine = [SlowUpload(self._load, self._farm.url(api), seconds=takes * (1 + number)) for number in range(_AT_ONCE)]
        self._uploads += mine

        def kill() -> None:
            self._breakage.busy.discard(api.name)
            self._breakage.note("upload killed", api.name, pid=api.pid)
            if api.is_running:
                self.cut += sum(upload.is_under_way for upload in mine)
                api.kill()
                api.start()

        self._breakage.later(wait, kill)
        return True
