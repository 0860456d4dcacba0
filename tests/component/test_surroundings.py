"""The share's id and the room on its disk: what is taken for ours, and what is refused, on a real store."""

import os
import threading
import uuid

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.errors import StorageFull, StoreUnavailable, Unavailable, WrongShare
from pixyz_scheduler.launcher.admin import make_reconcile
from pixyz_scheduler.launcher.new_share import accept_new_share
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.store_url import StoreUrl
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.share_id import SHARE_ID, make_share_id, read_share_id
from pixyz_scheduler.storage.space import in_words
from pixyz_scheduler.surroundings import Surroundings, adopt_share


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def known(store_url):
    with connect(store_url) as client:
        client.flushall()
        yield KnownShare(client)


@pytest.fixture
def share(tmp_path):
    return share_at(tmp_path / "share")


@pytest.fixture
def clock():
    return Clock()


def share_at(path):
    path.mkdir()
    return Share(path)


def replaced(share, other):
    """Another share is mounted in its place."""
    share.root.rename(share.root.with_name(f"was-{uuid.uuid4()}"))
    other.root.rename(share.root)


def test_a_first_start_gives_an_empty_share_an_id_that_the_store_knows_from_then_on(share, known):
    Surroundings(share, known).check()
    made = read_share_id(share.root)
    assert made is not None
    assert known.get() == made
    assert [path.name for path in share.root.iterdir()] == [SHARE_ID]


def test_an_empty_store_takes_the_id_of_an_old_share(share, known):
    made = make_share_id(share.root)
    Surroundings(share, known).check()
    assert (known.get(), read_share_id(share.root)) == (made, made)


def test_whoever_is_first_gives_the_id_and_all_others_take_it(share, known, store_url):
    ready = threading.Barrier(8)

    def start():
        with connect(store_url) as client:
            ready.wait()
            Surroundings(share, KnownShare(client)).check()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Surroundings(share, known).check()
    assert [path.name for path in share.root.iterdir()] == [SHARE_ID], "what the slower ones wrote is gone"


def test_a_share_that_is_not_mounted_looks_empty_and_is_refused_saying_what_to_do(share, known, clock, tmp_path):
    surroundings = Surroundings(share, known, clock=clock)
    surroundings.check()
    made = read_share_id(share.root)
    replaced(share, share_at(tmp_path / "other"))
    for _ in range(2):
        with pytest.raises(WrongShare) as refused:
            surroundings.check()
        assert f"it has no {SHARE_ID}, expected is {made}" in str(refused.value)
        assert "Mount the right one, or take this one on purpose: pixyz-scheduler admin reconcile" in str(refused.value)
    with pytest.raises(WrongShare):
        Surroundings(share, known).check()
    assert list(share.root.iterdir()) == [], "nothing is made on it"


def test_another_share_is_refused_and_says_both_ids(share, known, tmp_path):
    Surroundings(share, known).check()
    other = share_at(tmp_path / "other")
    there = make_share_id(other.root)
    with pytest.raises(WrongShare, match=f"it has the id {there}, expected is {known.get()}"):
        Surroundings(other, known).check()


def test_the_right_share_is_taken_again_once_it_is_mounted(share, known, tmp_path):
    surroundings = Surroundings(share, known)
    surroundings.check()
    mounted, away = share.root, tmp_path / "away"
    mounted.rename(away)
    mounted.mkdir()
    with pytest.raises(WrongShare):
        surroundings.check()
    mounted.rmdir()
    away.rename(mounted)
    surroundings.check()


def test_a_new_share_can_be_taken_on_purpose_and_who_runs_already_takes_it_too(share, known, tmp_path):
    surroundings = Surroundings(share, known)
    surroundings.check()
    replaced(share, share_at(tmp_path / "other"))
    with pytest.raises(WrongShare):
        surroundings.check()
    assert adopt_share(share, known) == known.get()
    surroundings.check()


def test_a_running_process_learns_soon_that_another_share_was_taken(share, known, clock, tmp_path):
    surroundings = Surroundings(share, known, clock=clock)
    surroundings.check()
    adopt_share(share_at(tmp_path / "other"), known)
    clock.now += 6
    with pytest.raises(WrongShare):
        surroundings.check()


def test_what_the_store_said_holds_while_it_is_away(share, known, clock, tmp_path):
    Surroundings(share, known).check()
    nobody = KnownShare(connect(f"unix://{tmp_path}/nobody.sock"))
    surroundings = Surroundings(share, known, clock=clock)
    surroundings.check()
    surroundings._known = nobody
    clock.now += 60
    surroundings.check()
    with pytest.raises(StoreUnavailable):
        Surroundings(share, nobody).check()


def test_a_store_that_lost_its_data_meets_the_share_anew(share, known, clock):
    surroundings = Surroundings(share, known, clock=clock)
    surroundings.check()
    made = known.get()
    known._client.flushall()
    clock.now += 6
    surroundings.check()
    assert known.get() == made


def test_a_share_that_is_away_is_said(share, known):
    share.root.rmdir()
    with pytest.raises(Unavailable, match="is not there"):
        Surroundings(share, known).check()
    assert known.get() is None


@pytest.mark.parametrize("content", ["", "not an id\n", "\0" * 36])
def test_a_file_with_no_id_in_it_is_no_id(share, known, content):
    (share.root / SHARE_ID).write_text(content)
    with pytest.raises(WrongShare, match="holds no id of a share"):
        Surroundings(share, known).check()
    assert known.get() is None


def test_a_link_in_place_of_the_id_is_not_followed(share, known, tmp_path):
    other = share_at(tmp_path / "other")
    make_share_id(other.root)
    (share.root / SHARE_ID).symlink_to(other.root / SHARE_ID)
    with pytest.raises(Unavailable, match="cannot be read"):
        Surroundings(share, known).check()


def test_too_little_room_is_said_with_both_figures(share, known):
    disk = os.statvfs(share.root)
    free = disk.f_bavail * disk.f_frsize
    Surroundings(share, known, min_free=1).check(coming=1000)
    with pytest.raises(StorageFull, match=r"are free on the disk of .*: 1024 TiB must be \(MIN_FREE_SPACE\)"):
        Surroundings(share, known, min_free=1 << 50).check()
    with pytest.raises(StorageFull, match=r"1 bytes must be after the .* that come"):
        Surroundings(share, known, min_free=1).check(coming=free * 2)
    Surroundings(share, known, min_free=0).check(coming=free * 2)


def test_a_worker_asks_for_room_on_its_own_disk_too(share, known, tmp_path, request):
    from tests.fakes.small_disk import small_disk

    local = small_disk(tmp_path / "local", "1m", request)
    Surroundings(share, known, min_free=4 << 20).check()
    with pytest.raises(StorageFull, match=str(local)):
        Surroundings(share, known, min_free=4 << 20, local=local).check()


def test_reconcile_takes_the_share_on_purpose_and_a_dry_run_does_not(share, known, store_url):
    known.adopt(str(uuid.uuid4()))
    settings = Settings(celery_broker_url=StoreUrl.parse(store_url).kombu, share_path=share.root)
    settings._origins = {"celery_broker_url": "a test"}
    make_reconcile(settings, dry_run=True, tell=print)
    with pytest.raises(WrongShare):
        Surroundings(share, known).check()
    make_reconcile(settings, dry_run=False, tell=print)
    Surroundings(share, known).check()


def test_up_takes_an_empty_share_and_leaves_anothers_to_be_refused(share, known, store_url, tmp_path):
    accept_new_share(share.root, store_url)
    first = known.get()
    assert read_share_id(share.root) == first
    replaced(share, share_at(tmp_path / "after-a-restart"))
    accept_new_share(share.root, store_url)
    Surroundings(share, known).check()
    assert known.get() not in (None, first)
    other = share_at(tmp_path / "other")
    make_share_id(other.root)
    accept_new_share(other.root, store_url)
    with pytest.raises(WrongShare):
        Surroundings(other, known).check()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (256 << 20, "256 MiB"), (1 << 40, "1 TiB")],
)
def test_a_size_in_words(size, words):
    assert in_words(size) == words


def test_who_has_looked_at_the_share_a_moment_ago_does_not_look_again(share, known, tmp_path, clock):
    surroundings = Surroundings(share, known, clock=clock)
    surroundings.check()
    replaced(share, share_at(tmp_path / "other"))
    surroundings.check_share_again()
    clock.now += 0.1
    with pytest.raises(WrongShare):
        surroundings.check_share_again()


def test_that_another_thread_has_looked_is_not_enough(share, known, tmp_path, clock):
    surroundings = Surroundings(share, known, clock=clock)
    looking = threading.Thread(target=surroundings.check)
    looking.start()
    looking.join()
    replaced(share, share_at(tmp_path / "other"))
    with pytest.raises(WrongShare):
        surroundings.check_share_again()


def test_who_has_never_looked_does(share, known, tmp_path):
    Surroundings(share, known).check()
    replaced(share, share_at(tmp_path / "other"))
    with pytest.raises(WrongShare):
        Surroundings(share, known, clock=Clock()).check_share_again()
