"""The licence and the session of scripts, with the SDK and without."""

import pytest

from pixyz_scheduler.errors import LicenceMissing
from pixyz_worker.script import License, PiXYZSession


class Sdk:
    """Stands for the SDK: writes down what it is asked."""

    def __init__(self, *, licensed=True):
        self.licensed = licensed
        self.calls = []

    def acquire_licence(self, host, port):
        self.calls.append(("acquire", host, port))
        return self.licensed

    def reset_session(self):
        self.calls.append("reset")

    def release_licence(self):
        self.calls.append("release")


def test_without_the_sdk_nothing_happens():
    licence = License()
    with PiXYZSession(licence):
        assert not licence.held
    assert License().acquire() is False


def test_a_session_clears_the_scene_and_gives_the_licence_back():
    sdk = Sdk()
    licence = License("flexlm", 27000, sdk=sdk)
    with PiXYZSession(licence) as session:
        assert session.license.held
        assert licence.acquire() is True
    assert not licence.held
    assert sdk.calls == [("acquire", "flexlm", 27000), "reset", "release"]


def test_a_session_ends_when_the_script_raises():
    sdk = Sdk()
    with pytest.raises(ValueError, match="wrong"), PiXYZSession(License(sdk=sdk)):
        raise ValueError("wrong")
    assert sdk.calls[-1] == "release"


def test_a_licence_is_released_once():
    sdk = Sdk()
    with License(sdk=sdk) as licence:
        licence.release()
    assert sdk.calls == [("acquire", None, None), "release"]


def test_no_licence_is_said():
    licence = License(sdk=Sdk(licensed=False))
    with pytest.raises(LicenceMissing, match="has no licence: set the LICENSE_ settings"):
        licence.acquire()
    assert not licence.held
