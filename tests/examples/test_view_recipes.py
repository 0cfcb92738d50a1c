"""The recipes for views of Django, Falcon and Pyramid answer as the middleware itself would."""

import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import JWTMiddleware, Rule, scope
from jwt_middleware.inspection import find_middlewares
from jwt_middleware.testing import trusting
from tests.kit.waiting import PATIENCE

Answers = dict[str, tuple[str, dict[str, str], bytes]]
REQUESTS = {
    "no token": ("/api/admin", "", "GET"),
    "without the scope": ("/api/admin", "ada", "GET"),
    "HEAD without the scope": ("/api/admin", "ada", "HEAD"),
}


def both(name: str, folder: Path) -> tuple[Answers, Answers, list[Any]]:
    """The answers of a recipe, those of the middleware alone, and what the recipe grants.

    Called in a process of its own, since Django can be configured once in each. Such a process has
    the path of this one.
    """
    os.chdir(folder)
    warnings.simplefilter("error")
    application = import_module(f"examples.{name}").application
    with trusting(application) as tokens:
        [middleware] = find_middlewares(application)
        providers = middleware.verifier.providers
        rules = [Rule("/api/admin", scope("admin"))]
        alone = JWTMiddleware(application, providers=providers, rules=rules)
        found = [_answers(app, tokens.good("ada")) for app in (application, alone)]
        client = TestApp(application)
        client.authorization = ("Bearer", tokens.good("ada", scopes=("admin",)))
        granted = [client.get("/api/admin").json["id"], client.get("/api/me").json["id"]]
    return found[0], found[1], granted


def _answers(app: Any, token: str) -> Answers:
    answers: Answers = {}
    for case, (path, caller, method) in REQUESTS.items():
        headers = {"Authorization": f"Bearer {token}"} if caller else {}
        answer = TestApp(app).request(path, method=method, headers=headers, expect_errors=True)
        named = {key.lower(): value for key, value in answer.headers.items()}
        answers[case] = (answer.status, named, answer.body)
    return answers


@pytest.mark.needs_frameworks
@pytest.mark.parametrize("name", ["django_views", "falcon_views", "pyramid_views"])
def test_a_recipe_refuses_as_the_middleware_does(name: str, tmp_path: Path) -> None:
    """Status line, headers (whose case is the framework's) and body; with the scope it grants."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found, expected, granted = pool.submit(both, name, tmp_path).result(timeout=PATIENCE)
    if name == "falcon_views":  # 405: Falcon answers HEAD only where there is an `on_head`
        assert found.pop("HEAD without the scope")[0].startswith("405")
        del expected["HEAD without the scope"]
    assert [answer[0][:3] for answer in found.values()] == ["401", "403", "403"][: len(found)]
    assert found == expected
    assert granted == ["ada", "ada"]
