"""Command-line clients that people have, such as pip and git: how they are run, and what is
recorded of each run."""

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from jwt_middleware.stores import SQLStore
from jwt_middleware.testing.passwords import CHEAP
from tests.kit import ROOT, answers
from tests.kit.parts import skip
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE, wait_for

PASSWORD = "analytical engine"
SCOPES = {"ada": ("read", "write"), "grace": ("read",), "nobody": ()}
"""The users of a site and what each may do."""

_HOURS = 3600


class Done(NamedTuple):
    """How a command ended: its exit status, and all that it said."""

    status: int
    text: str


@dataclass
class Shell:
    """Runs commands in a folder that is their home, with nothing of this machine's settings.

    Each command and what it said is a line of `record`, a file in the folder; `secrets` are shown
    there, and in a failing test, as their names.
    """

    home: Path
    secrets: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        *words: str | Path,
        stdin: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = PATIENCE,
    ) -> Done:
        """Run a command to its end, for so many seconds at most."""
        done = subprocess.run(
            [str(word) for word in words],
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd or self.home,
            env={**_environ(self.home), **(env or {})},
            timeout=seconds,
        )
        found = Done(done.returncode, self._shown(done.stdout.decode(errors="replace")))
        with (self.home / "record").open("a") as record:
            command = self._shown(" ".join(str(word) for word in words))
            record.write(f"$ {command}\n{found.text}\n[{found.status}]\n")
        return found

    def python(self, module: str, *words: str | Path, **how: Mapping[str, str]) -> Done:
        """Run a module of this Python, such as `pip` or `twine`."""
        return self.run(sys.executable, "-m", module, *words, **how)  # type: ignore[arg-type]

    @staticmethod
    def netrc(folder: Path, token: str, name: str = "ada") -> Path:
        """Write a `.netrc` into a folder, the home of a client that reads it. With no token it is
        empty."""
        file = folder / ".netrc"
        file.write_text(f"machine 127.0.0.1 login {name} password {token}\n" if token else "")
        file.chmod(0o600)
        return file

    def _shown(self, text: str) -> str:
        for name, secret in self.secrets.items():
            for form in {secret, quote(secret)}:
                text = text.replace(form, f"<{name}>")
        return text


def _environ(home: Path) -> dict[str, str]:
    """Nothing of the settings of pip, git and others that this process was started with."""
    usual = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    return {
        **usual,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@dataclass
class Site:
    """A served app behind the middleware, the store that it reads, and a shell for its clients."""

    address: str
    folder: Path
    store: SQLStore
    shell: Shell
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The host and the port."""
        return self.address.removeprefix("http://")

    def url(self, token: str, path: str = "/", *, name: str = "ada") -> str:
        """The URL of a path with the token as the password; with no token, without either."""
        return f"http://{name}:{token}@{self.place}{path}" if token else f"{self.address}{path}"

    def add_user(self, name: str, scopes: tuple[str, ...]) -> None:
        """Add a user with the password of all."""
        self.store.add_user(name, PASSWORD, scopes=scopes)
        self.scopes[name] = scopes

    def personal(self, name: str = "ada") -> str:
        """A new personal token with all the scopes that its user has."""
        expires_at = time.time() + _HOURS
        token = self.store.add_token(
            name, name="a client", scopes=self.scopes[name], expires_at=expires_at
        )
        return self._secret(f"pat of {name}", token)

    def jwt(self, name: str = "ada") -> str:
        """A new access token, by signing in."""
        body = answers.sign_in(self.address, name, PASSWORD).body
        return self._secret(f"jwt of {name}", body["token"])

    def take_back(self, token: str) -> None:
        """End a token: a personal one by its id, a JWT as its bearer does."""
        if token.startswith("jwtm_pat_"):
            self.store.remove_token(token[9:21])
        else:
            answer = answers.call(f"{self.address}/auth/revoke", {"token": token})
            assert answer.status == 200

    @property
    def log(self) -> str:
        """What gunicorn, the app and the middleware have said."""
        return (self.folder / "gunicorn.log").read_text()

    def check_log(self) -> None:
        """Fail if the log has a token, a password, or the better part of one."""
        found = [
            name
            for name, secret in self.shell.secrets.items()
            if secret in self.log or secret[-24:] in self.log
        ]
        assert not found, found
        assert PASSWORD not in self.log

    def _secret(self, name: str, token: str) -> str:
        self.shell.secrets[f"{name} {len(self.shell.secrets)}"] = token
        return token


Make = Callable[..., str]
KINDS: dict[str, Make] = {"a personal token": Site.personal, "a JWT": Site.jwt}
"""The tokens that a client may have, and what makes one: `make(site, name)`."""

End = Callable[[Site, str, str], None]
ENDS: dict[str, End] = {
    "the token is taken back": lambda site, name, token: site.take_back(token),
    "the user is disabled": lambda site, name, token: site.store.disable_user(name),
}
"""What ends the access of a client: `end(site, name, token)`."""


def client_site(target: str, prepare: Callable[[Path], Mapping[str, str]], *needs: str) -> Any:
    """Return the fixture of an app that gunicorn serves for the length of a module, over an SQLite
    file with the users of `SCOPES`. Its log has no secret when the last test is over.

    `prepare` puts into the folder what the app needs, and returns its environment. `needs` are the
    packages without which the tests are skipped.
    """

    @pytest.fixture(scope="module")
    def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        for name in needs:
            if not find_spec(name):
                skip(f"{name} is not installed")
        with _served(target, tmp_path_factory.mktemp("site"), prepare) as served:
            yield served
            served.check_log()

    return site


@contextmanager
def _served(
    target: str, folder: Path, prepare: Callable[[Path], Mapping[str, str]]
) -> Iterator[Site]:
    home = folder / "home"
    home.mkdir()
    database = f"sqlite:///{folder}/auth.db"
    store = SQLStore(database, password_method=CHEAP)
    env = {"DATABASE_URL": database, "WEB_CONCURRENCY": "1", **prepare(folder)}
    options = ("-c", str(ROOT / "examples" / "gunicorn.conf.py"))
    try:
        with gunicorn(target, *options, cwd=folder, env=env) as address:
            site = Site(address, folder, store, Shell(home))
            for name, scopes in SCOPES.items():
                site.add_user(name, scopes)
            wait_for(lambda: _is_loaded(address), say=lambda: site.log)
            yield site
    finally:
        store.close()


def hide_bcrypt(folder: Path) -> None:
    """Have the processes that run in a folder go without bcrypt: passlib, which pypiserver imports,
    fails at bcrypt 5 and can do without."""
    (folder / "bcrypt.py").write_text("raise ImportError\n")


def _is_loaded(address: str) -> bool:
    try:
        return answers.call(f"{address}/auth/health").status == 200
    except (OSError, HTTPException):  # the worker that took the connection could not load the app
        return False


def wheel(folder: Path, name: str = "tiny_engine", version: str = "1.0") -> Path:
    """Make a package that can be installed and that needs nothing."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A test.\n"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    return file
