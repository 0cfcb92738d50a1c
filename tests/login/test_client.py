"""`jwt-client.js` without a browser, in Node: what its tabs tell one another."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import jwt_middleware.login
from tests.kit.parts import program
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.needs_tools

CLIENT = Path(jwt_middleware.login.__file__).parent / "page" / "jwt-client.js"
TABS = Path(__file__).parent / "tabs.mjs"
STEP_UP = Path(__file__).parent / "step_up.mjs"


def run(script: Path, folder: Path) -> Any:
    """Run a script with the client in Node, and return what it prints."""
    module = shutil.copy(CLIENT, folder / "client.mjs")
    command = [program("node"), str(script), str(module)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """What three tabs know that keep their tokens in sessionStorage (the one that logs in, a copy
    of it, a stranger), and what they said."""
    return run(TABS, tmp_path)


def test_no_token_is_told_to_every_tab(told: Any) -> None:
    """With `storage: "session"` no token goes over the channel in a form that other tabs can
    read."""
    assert told["overheard"]
    assert [text for text in told["overheard"] if "secret" in text] == []


def test_a_duplicated_tab_stays_in_step(told: Any) -> None:
    """The copy of a tab reads each message with the refresh token that it has, one after the
    other; a stranger learns nothing."""
    first, copy, stranger = told["known"]
    assert first == copy is not None
    assert stranger is None
    assert told["changes"] == [
        [[1, "login"], [None, "logout"]],
        [[1, "start"], [None, "logout"]],
        [],
    ]
    assert (
        told["count"] == 6
    )  # two tokens at the login, two at each refresh: the copy asked for none


def test_the_client_asks_for_the_password_again(tmp_path: Path) -> None:
    """Where the server needs a recent login, the page is asked once for all requests, each is
    repeated once, and never as another user."""
    found = run(STEP_UP, tmp_path)
    assert found["without a callback"] == [401]
    assert found["by the header"] == [200]
    assert found["by the body alone"] == [200]
    assert found["two at once"] == [200, 200]
    assert found["as another user"] == [401]
    assert found["login fails"] == ["LoginError 401"]
    assert found["login fails, installed"] == [401]
    assert found["still too old"] == [401]
    assert found["stopped"] == [401]
    needed = {"user": {"id": 1, "username": "ada"}, "maxAge": 300}
    assert found["asked"][0] == {**needed, "acrValues": ["mfa", "pin"]}
    assert len(found["asked"]) == 7, "once for each, and once for the two"
    assert found["bodies"] == ["a body"] * 2, "the request is repeated with its body"
