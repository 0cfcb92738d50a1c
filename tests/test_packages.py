"""What an import says when a package is missing, or another one has its name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import ROOT, forking
from tests.kit.forking import CORE

_SCRIPT = """
import sys
try:
    {statement}
except ImportError as error:
    print(error)
"""
_FORGET = """
import sys
for name in [*sys.modules]:
    if name.partition(".")[0] == {name!r}:
        del sys.modules[name]
"""
_HIDE = _FORGET + "sys.modules[{name!r}] = None\n"
_FOREIGN = "class JWT:\n    pass\n\n\ndef jwk_from_pem(content):\n    pass\n"

_NO_JWT = ("cryptography.x509", "werkzeug.wrappers")
_NO_STORE = (*CORE, "redis", "sqlalchemy")

# The statement, the name that is taken, and how the message begins
IMPORTS = {
    "the middleware": ("import jwt_middleware", "jwt", "jwt_middleware needs PyJWT: "),
    "a name of it": ("from jwt_middleware import Rule", "jwt", "jwt_middleware needs PyJWT: "),
    "a module of it": (
        "from jwt_middleware.trust import keys",
        "jwt",
        "jwt_middleware needs PyJWT: ",
    ),
    "the log": (
        "from jwt_middleware.stores import RedisLog",
        "redis",
        "RedisLog needs redis-py: ",
    ),
    "the store": (
        "from jwt_middleware.stores import SQLStore",
        "sqlalchemy",
        "SQLStore needs SQLAlchemy: ",
    ),
    "the login app": (
        "from jwt_middleware.login import LoginApp",
        "limits",
        "limits is missing: ",
    ),
}


def _run_without(name: str, script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script in the folder, in a process that has imported what the script needs beside this
    package, and nothing of ours that imports it."""
    after = _NO_JWT if name == "jwt" else _NO_STORE
    return forking.run(script, after=after, cwd=folder)


def _run(script: str, folder: Path, *, name: str = "-c") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    arguments = ["-c", script] if name == "-c" else [name]
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True
    )


@pytest.mark.parametrize("kind", ["file", "package"])
@pytest.mark.parametrize(("statement", "name", "says"), IMPORTS.values(), ids=IMPORTS)
def test_another_package_has_the_name(
    statement: str, name: str, says: str, kind: str, tmp_path: Path
) -> None:
    """An own `jwt.py`, or a foreign package `jwt`, is one sentence that names the file found."""
    if kind == "file":
        found = tmp_path / f"{name}.py"
        found.write_text("import os\n")
    else:
        found = tmp_path / name / "__init__.py"
        found.parent.mkdir()
        found.write_text(_FOREIGN)
    script = _FORGET.format(name=name) + _SCRIPT.format(statement=statement)
    done = _run_without(name, script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(says)
    assert str(found) in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_folder_has_the_name(tmp_path: Path) -> None:
    """A folder without code is harmless, as the installed package comes before it."""
    for _, name, _ in IMPORTS.values():
        (tmp_path / name).mkdir(exist_ok=True)
    script = "".join(_SCRIPT.format(statement=statement) for statement, _, _ in IMPORTS.values())
    done = _run(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("kind", ["file", "package"])
def test_the_owners_own_app_is_named_like_the_package(kind: str, tmp_path: Path) -> None:
    """`python jwt.py`, where that file uses the middleware, says which file is in the way."""
    app = "import jwt_middleware\njwt_middleware.Rule\nfrom jwt_middleware import Key\n"
    if kind == "file":
        main = tmp_path / "jwt.py"
        main.write_text(app)
    else:
        main = tmp_path / "main.py"
        (tmp_path / "jwt").mkdir()
        (tmp_path / "jwt" / "__init__.py").write_text(app)
        main.write_text("import jwt\n")
    done = _run("", tmp_path, name=main.name)
    assert done.returncode == 1
    assert "ImportError: jwt_middleware needs PyJWT" in done.stderr.splitlines()[-1]
    assert f"{tmp_path}/jwt" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("missing", [name for _, name, _ in IMPORTS.values()])
def test_what_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    """Without a package the sentence says what to install."""
    statement, _, says = next(row for row in IMPORTS.values() if row[1] == missing)
    script = _HIDE.format(name=missing) + _SCRIPT.format(statement=statement)
    done = _run_without(missing, script, tmp_path)
    assert done.stdout.startswith(f"{says}pip install '"), done.stderr


@pytest.mark.parametrize("missing", [(), ("redis",), ("sqlalchemy",), ("redis", "sqlalchemy")])
def test_every_name_of_the_stores_can_be_imported_at_once(
    missing: tuple[str, ...], tmp_path: Path
) -> None:
    """`from jwt_middleware.stores import *` brings what the installed packages allow."""
    hide = "".join(_HIDE.format(name=name) for name in missing)
    script = f"{hide}from jwt_middleware.stores import *\nprint(sorted(globals()))"
    done = forking.run(script, after=_NO_STORE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "MemoryStore" in done.stdout
    assert ("RedisLog" in done.stdout) == ("redis" not in missing)
    assert ("SQLStore" in done.stdout) == ("sqlalchemy" not in missing)


def test_a_package_that_needs_another_one_says_so_itself(tmp_path: Path) -> None:
    """The right package without one of its own dependencies is not taken for a foreign one."""
    hide = "import sys; sys.modules['typing_extensions'] = None\n"
    done = _run(hide + "from jwt_middleware.stores import SQLStore", tmp_path)
    assert "typing_extensions" in done.stderr.splitlines()[-1]
