"""The examples, each under a real gunicorn as its first line says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.serving import call, gunicorn

_EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

# name: options, prefix of the login, user, password, the protected path, what it answers
_CALLS = {
    "quickstart": ((), "/auth", "ada", "analytical engine", "/api", "hello 1\n"),
    "flask_app": (("--workers=3",), "/auth", "ada", "analytical engine", "/api/me", {"id": "1", "scopes": ["admin"]}),
    "bottle_app": ((), "/auth", "ada", "analytical engine", "/api/me", {"id": "1"}),
    "tutorial": ((), "", "test", "test", "/protected", {"id": 1, "username": "test"}),
}


@pytest.fixture(params=_CALLS, scope="module")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The name of an example and the address where it is served."""
    options = _CALLS[request.param][0]
    folder = tmp_path_factory.mktemp(request.param)
    with gunicorn(f"examples.{request.param}", *options, cwd=folder, env={"JWT_SECRET": "s" * 32}) as address:
        yield request.param, address


def test_a_protected_path_of_an_example_needs_a_token(example: tuple[str, str]) -> None:
    """Without a token the protected path answers 401."""
    name, address = example
    assert call(address + _CALLS[name][4])[0] == 401


def test_an_example_gives_a_token_and_knows_its_caller(example: tuple[str, str]) -> None:
    """Signing in answers 200 with a token, and the protected path then says who is calling."""
    name, address = example
    _, prefix, username, password, path, expected = _CALLS[name]
    status, body = call(f"{address}{prefix}/token", {"username": username, "password": password})
    assert status == 200
    status, answer = call(address + path, token=json.loads(body)["token"])
    assert (status, json.loads(answer) if isinstance(expected, dict) else answer.decode()) == (200, expected)


def test_an_example_refuses_a_wrong_password(example: tuple[str, str]) -> None:
    """A wrong password answers 401 with the tutorial's words."""
    name, address = example
    status, body = call(f"{address}{_CALLS[name][1]}/token", {"username": _CALLS[name][2], "password": "wrong"})
    assert (status, json.loads(body)["msg"]) == (401, "Bad username or password")


@pytest.mark.parametrize("file", _EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_short_and_is_tested(file: Path) -> None:
    """Each example has at most 40 lines and is one of those served above."""
    assert len(file.read_text().splitlines()) <= 40
    assert file.stem in _CALLS
