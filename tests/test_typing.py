"""Types, as an owner of an app gets them whose editor or build runs pyright. (mypy reads the
package itself.)"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.kit import ROOT
from tests.kit.parts import skip

pytestmark = pytest.mark.needs_tools

_API = ROOT / "tests" / "typing" / "api.py"


def _pyright(*arguments: str | Path, folder: Path) -> Any:
    """Run pyright and return what it reports. The wheel of basedpyright has all it needs in it,
    node too."""
    if not find_spec("basedpyright"):
        skip("basedpyright is not installed")
    paths = [str(ROOT), *filter(None, sys.path)]
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--outputjson",
        "--pythonpath",
        sys.executable,
        *arguments,
    ]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=100
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def _complaints(file: Path, folder: Path) -> list[str]:
    """What pyright, in strict mode and deaf to `type: ignore`, says against a file."""
    options = {
        "include": [str(file)],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps({"pythonVersion": "3.11", **options}))
    report = _pyright("--project", folder, folder=folder)
    assert report["summary"]["filesAnalyzed"] == 1
    return [found["message"] for found in report["generalDiagnostics"]]


def test_who_uses_the_api_has_no_complaint(tmp_path: Path) -> None:
    """Strict code over every public name is clean, and each name has the type that it is said to
    have."""
    assert _complaints(_API, tmp_path) == []


_MISTAKEN = """
from jwt_middleware import Identity, JWTMiddleware, Rule, scope
JWTMiddleware(print, providers=[], rules=[])
JWTMiddleware(__import__, rules=[])
print(Identity.from_environ({}).subject)
Rule("/api", scope)
from jwt_middleware.flask import jwt_required, verify_jwt_in_request
jwt_required(fresh=True)
"""


def test_mistakes_are_found(tmp_path: Path) -> None:
    """What the clean report rests on: the types are found and are no `Any`."""
    (tmp_path / "mistaken.py").write_text(_MISTAKEN)
    found = "\n".join(_complaints(tmp_path / "mistaken.py", tmp_path))
    for words in (
        '"app" of type',
        '"providers"',
        '"subject" is not a known attribute of "None"',
        '"requires" of type',
        '"verify_jwt_in_request" is unknown import symbol',
        '"fresh"',
    ):
        assert words in found


def test_no_type_is_unknown(tmp_path: Path) -> None:
    """`--verifytypes` over all that can be imported: nothing is without a type, for any checker.

    Django has no types of its own, so what inherits from its client has none.
    """
    counts = _pyright("--verifytypes", "jwt_middleware", "--ignoreexternal", folder=tmp_path)
    found = counts["typeCompleteness"]
    assert found["exportedSymbolCounts"]["withKnownType"] > 100
    faulty = [one["name"] for one in found["symbols"] if one["isExported"] and one["diagnostics"]]
    unknown = found["exportedSymbolCounts"]["withUnknownType"]
    of_django = [name for name in faulty if "django_client" in name]
    assert unknown == 0 or (unknown <= 3 and of_django), faulty
