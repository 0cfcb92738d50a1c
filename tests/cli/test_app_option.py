"""`--app`: what is said when an app cannot be imported, without a secret of its message."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from jwt_middleware.cli.root import root

MODULES = {
    "a module that is not there": ("", "nowhere", "there is no module nowhere"),
    "a name that is not there": (
        "app = 1",
        "",
        "it has no 'application'; name the app, as in wsgi:",
    ),
    "a name that was given": ("", ":create_app()", "it has no 'create_app'; name the app"),
    "a slip": ("\n\napp = (", ":app", "SyntaxError (shop_site.py, line 3)"),
    "an error of the app": (
        "\nraise ValueError('postgresql://ann:hush@db')",
        ":app",
        "ValueError (shop_site.py, line 2)",
    ),
    "a variable": (
        "import os\nos.environ['SHOP_SECRET_URL']",
        ":app",
        "the environment variable SHOP_SECRET_URL is not set",
    ),
    "an exit": ("import sys\nsys.exit('hush')", ":app", "SystemExit (shop_site.py, line 2)"),
}


@pytest.mark.parametrize(("text", "name", "expected"), MODULES.values(), ids=MODULES)
def test_why_an_app_cannot_be_imported(
    text: str, name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says where, and quotes nothing that the app's own error says."""
    (tmp_path / "shop_site.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "shop_site", sys)  # so that it is removed after the test
    del sys.modules["shop_site"]
    app = name if name == "nowhere" else f"shop_site{name}"
    done = CliRunner().invoke(root, ["routes", "--app", app])
    assert done.exit_code == 2
    assert f"cannot import an app from {app}: {expected}" in " ".join(done.output.split())
    assert "hush" not in done.output
