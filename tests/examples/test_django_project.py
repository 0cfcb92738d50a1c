"""A project as `django-admin startproject` makes it, with the admin, behind the middleware as the
page on Django has it; and its tests under `manage.py test` as the page on testing has them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwt_middleware.testing import KeyServer
from tests.kit import ROOT
from tests.kit.answers import call
from tests.kit.pages import DOCS, blocks
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.needs_servers

PASSWORD = "analytical engine"
WSGI, MIDDLEWARE = blocks(DOCS / "frameworks/django.md", "python")
_URLS = """
from django.contrib import admin
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def me(request):
    return JsonResponse({"id": request.user.get_username()})


async def later(request):
    user = await request.auser()
    return JsonResponse({"id": user.get_username()})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/me", me),
    path("api/later", later),
    path("home", me),
]
"""


def manage(project: Path, *words: str, **environ: str) -> str:
    """What a command of `manage.py` said; one that fails is an error."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with what the page adds to it."""
    folder = tmp_path_factory.mktemp("project")
    start = [sys.executable, "-m", "django", "startproject", "shop", str(folder)]
    subprocess.run(start, check=True, capture_output=True, timeout=PATIENCE)
    shop = folder / "shop"
    settings = (shop / "settings.py").read_text()
    changed = re.sub(r"MIDDLEWARE = \[.*?\]\n", MIDDLEWARE, settings, flags=re.DOTALL)
    old, new = (text.replace('"', "'").splitlines() for text in (settings, changed))
    assert [line.strip() for line in new if line not in old] == [
        "'shop.auth.bearer_user',  # the new line"
    ]
    (shop / "settings.py").write_text(changed)
    example = (ROOT / "examples/django_app.py").read_text()
    (used,) = re.findall(r"^def bearer_user.*?^    return middleware\n", example, re.M | re.S)
    imports = re.findall(r"^from (?:asgiref|django.utils|jwt_middleware).*$", example, re.M)
    (shop / "auth.py").write_text("\n".join(imports) + "\n\n\n" + used)
    (shop / "wsgi.py").write_text(WSGI)
    (shop / "urls.py").write_text(_URLS)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[KeyServer]:
    """The issuer of the project."""
    with KeyServer(audience="example-api") as server:
        yield server


def test_the_checks_of_django_pass(project: Path) -> None:
    """`manage.py check` has nothing to say, though the admin needs its own middleware."""
    assert "no issues" in manage(project, "check")


def test_the_admin_and_the_callers(project: Path, server: KeyServer) -> None:
    """The admin logs in as ever; a caller with a token is `request.user`, also for one who has a
    session; without a token the session counts where no rule is, and nothing where one is."""
    manage(project, "migrate")
    for name in ("ada", "grace"):
        words = ("createsuperuser", "--noinput", "--username", name, "--email", "a@example.com")
        manage(project, *words, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    grace = server.token("grace")
    with gunicorn("shop.wsgi", cwd=project, env={"ISSUER": server.issuer}) as address:
        session = admin_session(address)
        cookie = {"Cookie": f"sessionid={session}"}
        assert call(f"{address}/admin/", headers=cookie).status == 200
        assert call(f"{address}/home", headers=cookie).body == {"id": "ada"}
        assert call(f"{address}/home").body == {"id": ""}
        assert call(f"{address}/api/me", headers=cookie).status == 401
        for path in ("me", "later"):
            for headers in ({}, cookie):
                answer = call(f"{address}/api/{path}", headers=headers, token=grace)
                assert answer.body == {"id": "grace"}, path
        stranger = server.token("stranger")
        assert call(f"{address}/api/me", headers=cookie, token=stranger).body == {"id": ""}
        assert call(f"{address}/api/me", {}, token=grace).status == 200  # a POST


def admin_session(address: str) -> str:
    """Sign in to the admin by its form, and return the session's cookie."""
    import requests

    with requests.Session() as browser:
        url = f"{address}/admin/login/"
        browser.get(url, timeout=PATIENCE)
        fields = {"username": "ada", "password": PASSWORD, "next": "/admin/"}
        fields["csrfmiddlewaretoken"] = str(browser.cookies["csrftoken"])
        assert browser.post(url, fields, timeout=PATIENCE).url == f"{address}/admin/"
        return str(browser.cookies["sessionid"])


def test_its_tests_run_by_manage_py(project: Path) -> None:
    """The snippet for Django's test runner is a whole test file."""
    (test,) = (text for text in blocks(DOCS / "how-to/testing.md", "py") if "django" in text)
    (project / "shop" / "tests.py").write_text(test)
    assert re.search(r"Ran 1 test.*\n+OK", manage(project, "test"))
