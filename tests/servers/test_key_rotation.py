"""Keys that change under a real gunicorn with several workers, while people go on calling."""

import os
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from jwt_middleware import Key
from jwt_middleware.login import KeyFolder
from jwt_middleware.trust import key_folder
from tests.kit import ROOT, answers
from tests.kit.answers import call
from tests.kit.serving import gunicorn
from tests.kit.waiting import wait_for

pytestmark = pytest.mark.needs_servers

_APP = """
from jwt_middleware import JWTMiddleware, Rule
from jwt_middleware.login import KeyFolder, LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_USER"].encode()]

store = MemoryStore(password_method="scrypt:1024:1:1")
store.add_user("ada", "analytical engine")
minter = TokenMinter(KeyFolder("keys"), issuer="https://example.com", audience="api")
guarded = JWTMiddleware(app, providers=[minter.provider], rules=[Rule("/api")])
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
"""


def sign_in(address: str) -> str:
    """Return a new token."""
    return str(answers.sign_in(address, "ada", "analytical engine").body["token"])


def kid(token: str) -> str:
    """The id of the key that signed."""
    return str(jwt.get_unverified_header(token)["kid"])


@pytest.mark.parametrize(
    "options",
    [("-w", "3"), ("-w", "2", "--preload", "-k", "gthread", "--threads", "4")],
    ids=" ".join,
)
def test_a_rotation_costs_nobody_a_request(options: tuple[str, ...], tmp_path: Path) -> None:
    """While a key is published, activated and retired, every request of old and new tokens is
    answered 200."""
    keys = tmp_path / "keys"
    key_folder.publish(keys, Key.generate())
    (tmp_path / "rotating.py").write_text(_APP)
    old = str(KeyFolder(keys).active.id)
    with gunicorn("rotating", *options, cwd=tmp_path) as address:

        def everybody_is_let_in(*tokens: str) -> None:
            for _ in range(10):
                assert {call(f"{address}/api", token=t)[::2] for t in tokens} == {(200, b"1")}

        before = sign_in(address)
        key_folder.publish(keys, new := Key.generate("EdDSA"))
        everybody_is_let_in(before, sign_in(address))
        time.sleep(1.1)
        published = {
            key["kid"] for key in call(f"{address}/auth/.well-known/jwks.json").body["keys"]
        }
        assert published == {old, new.id}
        key_folder.activate(keys, str(new.id))
        tokens = [
            sign_in(address) for _ in range(12)
        ]  # some workers have noticed, and sign with the new key
        everybody_is_let_in(before, *tokens)
        time.sleep(1.1)
        assert {kid(sign_in(address)) for _ in range(6)} == {new.id}
        everybody_is_let_in(before)


_LATE = """
import os, time
real, lag = time.time, float(os.environ["LAG"]) * (os.getpid() % 2)
time.time = lambda: real() - lag
"""


@pytest.mark.parametrize("lag", [0, 2, -2], ids=["one time", "some late", "some early"])
def test_workers_follow_by_themselves(lag: int, tmp_path: Path) -> None:
    """`keys activate` returns at once. All workers sign with the new key from the recorded time
    on, each by its clock, and no request of an old or new token is refused meanwhile."""
    keys = tmp_path / "keys"
    key_folder.publish(keys, Key.generate())
    (tmp_path / "rotating.py").write_text(_LATE + _APP)
    old = str(KeyFolder(keys).active.id)
    env = {"LAG": str(lag)}
    with gunicorn("rotating", "-w", "4", cwd=tmp_path, env=env) as address:
        before = sign_in(address)
        published = key_folder.publish(keys, new := Key.generate("EdDSA"))
        long_ago = time.time() - key_folder.PUBLISHED_FOR + 3
        os.utime(published, (long_ago, long_ago))
        command = [sys.executable, "-c", "from jwt_middleware.cli import main; main()"]
        arguments = ["keys", "activate", str(new.id), "--folder", "keys"]
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=_with_root(), capture_output=True, text=True
        )
        assert done.returncode == 0
        seen: list[str] = []

        def all_have_followed() -> bool:
            token = sign_in(address)
            seen.append(kid(token))
            for one in (before, token):
                assert call(f"{address}/api", token=one)[::2] == (200, b"1")
            return len(seen) > 24 and set(seen[-24:]) == {str(new.id)}

        wait_for(all_have_followed)
        assert set(seen) <= {old, str(new.id)}
        assert (keys / "active").read_text() == old  # no process of the app writes there


def _with_root() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
