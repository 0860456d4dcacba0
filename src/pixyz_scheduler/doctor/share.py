"""The check of the share: is it there, is it the store's own, may we write, is there room."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.doctor.store import TIMEOUT
from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.findings import Finding, error, ok, warning
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.share_id import read_share_id
from pixyz_scheduler.storage.share_trial import may_write, try_share
from pixyz_scheduler.storage.space import in_words

_NAME = "share"
# Several times MIN_FREE_SPACE: below that it soon is too little.
_TIGHT = 4


@dataclass(frozen=True)
class ShareFacts:
    """What is seen of it.

    Attributes:
        path: where it is said to be.
        is_there: a folder is there.
        id: its own; None where it has none.
        known: the id that the store expects; None where it knows none.
        store_answers: whether it could be asked for that.
        refused: what cannot be done there -> what the disk says.
        free: bytes.
        mode: permission bits; None where they mean nothing.
        owner: user and group that it belongs to.
        users: user and group that the configuration says work on it; None where it says none.
    """

    path: Path
    is_there: bool = True
    id: str | None = None
    known: str | None = None
    store_answers: bool = True
    refused: Mapping[str, str] = field(default_factory=dict)
    free: int = 0
    mode: int | None = None
    owner: tuple[int, int] = (0, 0)
    users: tuple[int, int] | None = None


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of it."""
    yield from judge(read(settings), least=settings.min_free_space)


def read(settings: Settings) -> ShareFacts:
    """The facts; a temporary file is written, and removed again. Raises WrongShare, Unavailable."""
    path = settings.share_path
    known, store_answers = _known(settings)
    if not path.is_dir():
        return ShareFacts(path, is_there=False, known=known, store_answers=store_answers)
    look = path.stat()
    said = settings.origin("UID") or settings.origin("GID")
    return ShareFacts(
        path=path,
        id=read_share_id(path),
        known=known,
        store_answers=store_answers,
        refused=try_share(path),
        free=shutil.disk_usage(path).free,
        mode=stat.S_IMODE(look.st_mode) if os.name == "posix" else None,
        owner=(look.st_uid, look.st_gid),
        users=(settings.uid, settings.gid) if said else None,
    )


def judge(facts: ShareFacts, *, least: int) -> Iterator[Finding]:
    """What the facts mean; `least` bytes must be free."""
    path = facts.path
    if not facts.is_there:
        if facts.known is None:
            what = f"SHARE_PATH is {path}: there is no such folder yet; api and up make it"
            yield warning(_NAME, what, f"On several machines: mount it there first. Here: mkdir -p {path}")
        else:
            what = f"SHARE_PATH is {path}: there is no such folder, and the store has jobs on a share"
            yield error(_NAME, what, "Mount the share, or correct SHARE_PATH.")
        return
    yield _whose(facts)
    yield from _writable(facts)
    yield from _room(facts, least)
    if _is_fleeting(path):
        what = f"{path} is a temporary folder: a restart of the machine empties it"
        yield warning(_NAME, what, "Set SHARE_PATH to a folder that stays, and that every machine mounts.")


def _known(settings: Settings) -> tuple[str | None, bool]:
    try:
        with closing(connect(settings.store_url, timeout=TIMEOUT)) as client:
            return KnownShare(client).get(), True
    except StoreUnavailable:
        return None, False


def _whose(facts: ShareFacts) -> Finding:
    if not facts.store_answers:
        return ok(
            _NAME, f"{facts.path} is there (its id {facts.id or 'is not made yet'}; the store could not be asked)"
        )
    if facts.known == facts.id:
        same = f"is the store's own ({facts.id})" if facts.id else "is there; the first start gives it an id"
        return ok(_NAME, f"{facts.path} {same}")
    if facts.known is None:
        return ok(_NAME, f"{facts.path} has the id {facts.id}; the store, which knows none yet, will take it")
    has = f"has the id {facts.id}" if facts.id else "has no .ps-share-id"
    return error(
        _NAME,
        f"{facts.path} is not the share that the store's jobs lie on: it {has}, expected is {facts.known}",
        "Mount the right one, correct SHARE_PATH, or take this one on purpose: pixyz-scheduler admin reconcile.",
    )


def _writable(facts: ShareFacts) -> Iterator[Finding]:
    owner, group = facts.owner
    refused = {step: said for step, said in facts.refused.items() if step != "link"}
    if refused:
        told = ", ".join(f"{step}: {said}" for step, said in refused.items())
        belongs = "" if facts.mode is None else f"; it belongs to {owner}:{group}, mode {facts.mode:04o}"
        do = "Run as the user that it belongs to, or give that user the folder: chown, chmod, or the mount's options."
        yield error(_NAME, f"{facts.path} cannot be used by this user ({told}){belongs}", do)
    else:
        yield ok(_NAME, f"{facts.path} can be written, renamed in, read and flushed by this user")
    if "link" in facts.refused:
        yield ok(_NAME, f"{facts.path} has no hard links ({facts.refused['link']}): files are copied instead")
    if facts.mode is None or facts.users is None:
        return
    uid, gid = facts.users
    if not may_write(facts.mode, owner=owner, group=group, uid=uid, gid=gid):
        what = (
            f"UID and GID are {uid} and {gid}, who may not write {facts.path} ({owner}:{group}, mode {facts.mode:04o})"
        )
        yield error(_NAME, what, f"chown {uid}:{gid} {facts.path}, or correct UID and GID.")


def _room(facts: ShareFacts, least: int) -> Iterator[Finding]:
    what = f"{in_words(facts.free)} are free at {facts.path}"
    if facts.free < least:
        do = "Make room, have old jobs removed (CLEANUP_ENABLED), or lower MIN_FREE_SPACE."
        yield error(_NAME, f"{what}, {in_words(least)} must be: uploads are refused", do)
    elif facts.free < _TIGHT * least:
        do = "Make room before it comes to that, or have old jobs removed (CLEANUP_ENABLED)."
        yield warning(_NAME, f"{what}; at {in_words(least)} uploads are refused", do)
    else:
        yield ok(_NAME, what)


def _is_fleeting(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in ("/tmp", "/dev/shm", "/run", tempfile.gettempdir()))  # noqa: S108
