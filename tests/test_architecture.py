"""The package keeps the laws of its shape, and each law turns red on a planted fault."""

import ast
import dataclasses
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import FunctionType

import pytest

from tests.kit import ROOT
from tests.kit.laws import APART, LAWS, PACKAGE, Law, Module, modules_in

_FOLDER = ROOT / PACKAGE
MODULES = modules_in(_FOLDER)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_package_keeps_the_law(law: Law) -> None:
    """Who may import whom, how large things are, what is documented."""
    assert law(MODULES) == []


LONG = "\n".join(["def f():", '    """Do."""', *["    pass"] * 41])
MANY = "\n\n".join(
    "def f" + str(n) + "():\n" + "    pass\n" * (21 if n < 2 else 1) for n in range(10)
)
PLANTED: dict[str, tuple[str, dict[str, str]]] = {
    "wire imports trust": (
        "rings_are_strangers",
        {"wire/x.py": "from ..trust import y", "trust/y.py": ""},
    ),
    "trust imports policy within a function": (
        "rings_are_strangers",
        {"trust/x.py": "def f():\n    from ..policy import y", "policy/y.py": ""},
    ),
    "another module sees two rings": (
        "rings_are_strangers",
        {
            "identity.py": "from .wire import x\nfrom .trust import x",
            "wire/x.py": "",
            "trust/x.py": "",
        },
    ),
    "the core imports login": (
        "the_core_stands_alone",
        {"middleware.py": "from .login import app", "login/app.py": ""},
    ),
    "login imports policy": (
        "the_core_stands_alone",
        {"login/app.py": "from ..policy.rules import Rule", "policy/rules.py": "Rule = 1"},
    ),
    "stores import the command": (
        "the_core_stands_alone",
        {"stores/x.py": "from jwt_middleware.cli import y", "cli/y.py": ""},
    ),
    "the readiness of two rings": (
        "rings_are_strangers",
        {
            "readiness.py": "from .trust import x\nfrom .policy import x",
            "trust/x.py": "",
            "policy/x.py": "",
        },
    ),
    "readiness takes an environ": (
        "environ_has_its_places",
        {"readiness.py": "def readiness(environ): ..."},
    ),
    "events of the login take an environ": (
        "environ_has_its_places",
        {"login_events.py": "def announce(event, environ): ..."},
    ),
    "Prometheus in the hall": (
        "third_parties_have_their_place",
        {"middleware.py": "def f():\n    import prometheus_client"},
    ),
    "Prometheus in the login app": (
        "third_parties_have_their_place",
        {"login/audit.py": "from prometheus_client import Counter"},
    ),
    "bcrypt in the login app": (
        "third_parties_have_their_place",
        {"login/grants.py": "def f():\n    import bcrypt"},
    ),
    "events load the login app": (
        "the_core_stands_alone",
        {"events.py": "def f():\n    from .login import audit", "login/audit.py": ""},
    ),
    "trust takes an environ": (
        "environ_has_its_places",
        {"trust/verifier.py": "def f(*, environ): ..."},
    ),
    "grants take an environ": (
        "environ_has_its_places",
        {"login/grants.py": "class A:\n    def f(self, environ): ..."},
    ),
    "a private name of another object": (
        "what_is_private_is_read_at_home",
        {"cli/x.py": "def f(store): return store._hasher"},
    ),
    "the token library in the wire": (
        "third_parties_have_their_place",
        {"wire/x.py": "import jwt"},
    ),
    "Flask in the core of its adapter": (
        "third_parties_have_their_place",
        {"views.py": "from flask import request"},
    ),
    "Bottle in the adapter for Flask": (
        "third_parties_have_their_place",
        {"flask.py": "import bottle"},
    ),
    "an adapter asks the login app": (
        "the_core_stands_alone",
        {"flask.py": "from .login import LoginApp", "login/__init__.py": "LoginApp = 1"},
    ),
    "a library that nobody listed": (
        "third_parties_have_their_place",
        {"login/x.py": "def f():\n    import requests"},
    ),
    "an option from the environment": (
        "options_are_arguments",
        {"trust/keys.py": "import os\nx = os.environ.get('KEY')"},
    ),
    "an option from the environment, imported": (
        "options_are_arguments",
        {"trust/keys.py": "from os import getenv"},
    ),
    "two modules that import each other": (
        "no_import_cycle",
        {"a.py": "from . import b", "b.py": "from . import a"},
    ),
    "a module of 301 lines": ("things_are_short", {"a.py": "x = 1\n" * 301}),
    "a line of 101 characters": ("things_are_short", {"a.py": "x = '" + "y" * 95 + "'"}),
    "a function of 42 lines": ("things_are_short", {"a.py": LONG}),
    "two functions in ten of 22 lines": ("things_are_short", {"a.py": MANY}),
    "a module without a docstring": ("what_is_public_is_documented", {"a.py": "x = 1"}),
    "a method without a docstring": (
        "what_is_public_is_documented",
        {"a.py": '"""A."""\nclass A:\n    """A."""\n    def f(self): ...'},
    ),
    "a module for what is left over": ("words_have_one_meaning", {"wire/utils.py": ""}),
    "a variable named after a thing it is not": ("words_have_one_meaning", {"a.py": "jwt = 1"}),
}


@pytest.mark.parametrize(("name", "files"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_turns_its_law_red(
    name: str, files: dict[str, str], tmp_path: Path
) -> None:
    """A law that no fault can break would prove nothing."""
    for path, source in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source)
    (law,) = [law for law in LAWS if law.__name__ == name]
    assert law(modules_in(tmp_path))


def test_every_law_has_a_planted_fault() -> None:
    """None is taken on trust."""
    assert {name for name, _ in PLANTED.values()} == {law.__name__ for law in LAWS}


def test_what_is_public_is_frozen() -> None:
    """No public value is a tuple, and a public dataclass is frozen: nobody opens a path by
    assignment."""
    for name in importlib.import_module(PACKAGE).__all__:
        value = getattr(importlib.import_module(PACKAGE), name)
        if isinstance(value, type):
            assert not issubclass(value, tuple), name
            if dataclasses.is_dataclass(value):
                assert value.__dataclass_params__.frozen, name  # type: ignore[attr-defined]


@cache
def _loaded_by(statement: str) -> set[str]:
    """The names of the modules that a fresh interpreter has loaded after the statement."""
    script = (
        f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


def _packages_loaded_by(statement: str) -> set[str]:
    """The top names of those modules beside the standard library."""
    return {name.partition(".")[0] for name in _loaded_by(statement)} - sys.stdlib_module_names


CORE = {PACKAGE, "werkzeug", "markupsafe", "jwt", "cryptography"}


def test_what_the_core_loads() -> None:
    """`import jwt_middleware` loads werkzeug, PyJWT with cryptography, and the standard library
    only."""
    loaded = _packages_loaded_by(f"import {PACKAGE}")
    assert CORE - {"markupsafe"} <= loaded
    # cryptography loads cffi, and bcrypt where it is installed.
    assert {name for name in loaded if not name.startswith("_")} <= CORE | {"bcrypt", "cffi"}


def test_what_a_store_in_memory_loads() -> None:
    """Neither does the login app with a store in memory need SQLAlchemy, Flask or click."""
    loaded = _packages_loaded_by(
        f"from {PACKAGE}.login import LoginApp; from {PACKAGE}.stores import MemoryStore"
    )
    assert not {"sqlalchemy", "click", "flask", "gunicorn", "psycopg", "redis"} & loaded


def test_the_core_does_not_load_the_rest() -> None:
    """An app that only accepts tokens pays for no store and no login."""
    ours = [name for name in _loaded_by(f"import {PACKAGE}") if name.startswith(f"{PACKAGE}.")]
    assert ours
    assert not [name for name in ours if name.split(".")[1] in APART]


def test_every_public_name_is_there() -> None:
    """`__all__` names once what exists, and leaves out nothing that `__init__` imports."""
    public = importlib.import_module(PACKAGE).__all__
    imported = {
        alias.name
        for node in MODULES[0].nodes
        # `typing` is not ours, and a function of the module loads others at their first use.
        if isinstance(node, ast.ImportFrom) and node.level and node.module != "policy"
        for alias in node.names
    }
    assert MODULES[0].name == ""
    assert len(set(public)) == len(public)
    assert set(public) == imported


@pytest.mark.parametrize(
    "name", [module.name for module in MODULES if module.name and "__all__ = [" in module.text]
)
def test_a_room_names_what_it_has(name: str) -> None:
    """`__all__` of a module names what is there, and every public class and function that it
    defines."""
    module = importlib.import_module(f"{PACKAGE}.{name}")
    defined = {
        key
        for key, value in vars(module).items()
        if isinstance(value, type | FunctionType)
        and value.__module__ == module.__name__
        and not key.startswith("_")
    }
    assert len(set(module.__all__)) == len(module.__all__)
    assert not [key for key in module.__all__ if not hasattr(module, key)]
    assert defined <= set(module.__all__)


@pytest.mark.parametrize(
    "name", [PACKAGE, *(f"{PACKAGE}.{part}" for part in ("login", "stores", "testing"))]
)
def test_every_public_name_is_typed(name: str) -> None:
    """`tests/typing/api.py` uses each of them, as the type checker of an owner would see it
    used."""
    tree = ast.parse((ROOT / "tests" / "typing" / "api.py").read_text())
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == name
    ]
    assert set(importlib.import_module(name).__all__) <= {
        alias.name for node in imports for alias in node.names
    }


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("import os.path", {"os.path"}),
        ("from .errors import require", {f"{PACKAGE}.errors.require"}),
        ("from ..errors import require", {"errors.require"}),
        ("def f():\n    from .login import x", {f"{PACKAGE}.login.x"}),
    ],
)
def test_the_reading_of_imports(source: str, imported: set[str], tmp_path: Path) -> None:
    """What these laws rest on: relative imports, and those within functions, are seen."""
    path = tmp_path / "module.py"
    path.write_text(source)
    assert Module("module", path).imports == imported
