"""The licence and the session of scripts, with the SDK and without."""

import importlib
import sys
from pathlib import Path

import pytest

from pixyz_scheduler.engine.choice import LicenceTerms
from pixyz_scheduler.errors import LicenceMissing
from pixyz_worker.script import License, PiXYZSession

STUB = Path(__file__).parents[1] / "fakes" / "pxz_stub"


class Sdk:
    """Stands for the SDK's session: writes down what it is asked."""

    def __init__(self, *, licensed=True):
        self.licensed = licensed
        self.calls = []

    def open(self):
        self.calls.append("open")
        if not self.licensed:
            raise LicenceMissing("none")

    def reset(self):
        self.calls.append("reset")

    def close(self):
        self.calls.append("close")


@pytest.fixture
def pxz(monkeypatch):
    """The stand-in as `pxz`, and our session freshly imported upon it."""
    monkeypatch.setattr(sys, "path", [str(STUB), *sys.path])
    for name in ("pxz", "pixyz_scheduler.engine.session"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("pxz")
    for name in ("pxz", "pixyz_scheduler.engine.session"):
        sys.modules.pop(name, None)


def session(**terms):
    return importlib.import_module("pixyz_scheduler.engine.session").PixyzSession(LicenceTerms(**terms))


def names(pxz):
    return [call[0] for call in pxz.calls]


def test_a_licence_of_the_machine_is_taken_and_given_back(pxz):
    with session(flexlm=True) as held:
        held.reset()
    assert names(pxz) == ["initialize", "core.checkLicense", "core.resetSession", "release"]


def test_without_a_licence_the_server_is_asked(pxz, monkeypatch):
    monkeypatch.setenv("PXZ_STUB_LICENCE", "server")
    session(flexlm=True, host="licences", port=2800).open()
    assert pxz.calls[2] == ("core.configureLicenseServer", "licences", 2800, True)
    assert names(pxz)[-1] == "core.checkLicense"


@pytest.mark.parametrize(("flexlm", "words"), [(False, "no licence server is asked"), (True, "LICENSE_HOST")])
@pytest.mark.usefixtures("pxz")
def test_a_refused_licence_says_where_it_was_looked_for_but_no_name_of_a_host(monkeypatch, flexlm, words):
    monkeypatch.setenv("PXZ_STUB_LICENCE", "none")
    with pytest.raises(LicenceMissing, match=words) as refused:
        session(flexlm=flexlm, host="licences", port=2800).open()
    assert "licences" not in str(refused.value)


@pytest.mark.usefixtures("pxz")
def test_what_the_sdk_raises_instead_of_an_answer_is_no_licence(monkeypatch):
    monkeypatch.setenv("PXZ_STUB_BROKEN", "licence")
    with pytest.raises(LicenceMissing, match="could not be started or licensed: the licence service is broken"):
        session().open()


def test_a_session_within_another_is_that_one(pxz):
    with session():
        with PiXYZSession(License("other", 1)) as inner:
            assert inner.license.held
        assert "release" not in names(pxz)
    assert names(pxz).count("initialize") == names(pxz).count("release") == 1


def test_a_licence_that_names_a_server_asks_that_one(pxz, monkeypatch):
    monkeypatch.setenv("PXZ_STUB_LICENCE", "server")
    with License("flexlm", 27001):
        assert ("core.configureLicenseServer", "flexlm", 27001, True) in pxz.calls


def test_without_the_sdk_nothing_happens():
    licence = License()
    with PiXYZSession(licence):
        assert not licence.held
    assert License().acquire() is False


def test_a_session_clears_the_scene_and_gives_the_licence_back():
    sdk = Sdk()
    licence = License(sdk=sdk)
    with PiXYZSession(licence) as session:
        assert session.license.held
        assert licence.acquire() is True
    assert not licence.held
    assert sdk.calls == ["open", "reset", "close"]


def test_a_session_ends_when_the_script_raises():
    sdk = Sdk()
    with pytest.raises(ValueError, match="wrong"), PiXYZSession(License(sdk=sdk)):
        raise ValueError("wrong")
    assert sdk.calls[-1] == "close"


def test_a_licence_is_released_once():
    sdk = Sdk()
    with License(sdk=sdk) as licence:
        licence.release()
    assert sdk.calls == ["open", "close"]


def test_no_licence_is_said():
    licence = License(sdk=Sdk(licensed=False))
    with pytest.raises(LicenceMissing, match="none"):
        licence.acquire()
    assert not licence.held
