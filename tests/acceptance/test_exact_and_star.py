"""Rules that fit real apps: `exact=True`, the segment `*`, and the deepest rule of a path."""

from typing import Any

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import Rule, claim, optional, public, scope
from jwt_middleware.testing import assert_protected

SITE = (
    Rule("/"),
    Rule("/", public, exact=True),
    Rule("/orgs/*/admin", scope("admin")),
    Rule("/orgs/*/admin/health", public, exact=True),
    Rule("/users/*", claim("level", 1), optional),
)


@pytest.mark.parametrize(
    ("path", "nobody", "member", "admin"),
    [
        ("/", 200, 200, 200),
        ("/index", 401, 200, 200),
        ("//index", 401, 200, 200),
        ("/orgs/7", 401, 200, 200),
        ("/orgs/7/admin", 401, 403, 200),
        ("/orgs/7/admin/keys", 401, 403, 200),
        ("/orgs/7/admin.json", 401, 403, 200),
        ("/orgs//7/admin", 401, 403, 200),
        ("/orgs/7/administrators", 401, 200, 200),
        ("/orgs/7/8/admin", 401, 200, 200),
        ("/orgs/7/admin/health", 200, 200, 200),
        ("/orgs/7/admin/health/", 200, 200, 200),
        ("/orgs/7/admin/health/keys", 401, 403, 200),
        ("/orgs/7/admin/health/../keys", 401, 403, 200),
        ("/users/7", 200, 403, 403),
        ("/users", 401, 200, 200),
    ],
)
def test_who_may_pass(
    path: str, nobody: int, member: int, admin: int, visit: Any, guard: Any, forge: Any
) -> None:
    """A `*` is one segment, an exact rule one path; what lies deeper has the rule of its own."""
    client = visit(guard(rules=SITE))

    def status(**headers: str) -> int:
        return int(client.get(path, headers=headers, expect_errors=True).status_int)

    assert status() == nobody
    assert status(Authorization=f"Bearer {forge()}") == member
    assert status(Authorization=f"Bearer {forge(scope='admin')}") == admin


@pytest.mark.parametrize("path", ["/orgs/7/admin", "/orgs/7/admin/keys"])
def test_a_path_below_a_star_is_protected(path: str, mount: str, guard: Any) -> None:
    """No spelling, no forged header and no bad token gets in."""
    app = guard(rules=(Rule("/", public), Rule("/orgs/*/admin", scope("admin"))))
    site = DispatcherMiddleware(NotFound(), {mount: app}) if mount else app
    assert_protected(site, mount + path, scopes=["admin"])


def test_the_start_page_alone_is_public(guard: Any) -> None:
    """An exact public rule at the root opens nothing below it."""
    assert_protected(guard(rules=SITE[:2]), "/index")


NO_NAME = {
    "a view without a name": "/orgs/7/@@",
    "and a path behind it": "/orgs/7/@@/x",
    "plus signs": "/orgs/7/++",
    "a mere suffix": "/orgs/7/.json",
    "a mere suffix and a slash": "/orgs/7/.html/",
    "index": "/orgs/7/index",
    "index with a suffix": "/orgs/7/index.json",
    "index and a path behind it": "/orgs/7/index/2",
}


@pytest.mark.parametrize("path", NO_NAME.values(), ids=NO_NAME)
@pytest.mark.parametrize(
    "rules",
    [
        (Rule("/orgs/*", scope("list"), exact=True), Rule("/", public)),
        (Rule("/orgs/7", scope("list")), Rule("/orgs/7/*", public)),
    ],
    ids=["exact", "a laxer star"],
)
def test_a_segment_without_a_name_has_the_rule_of_the_page_above(
    rules: tuple[Rule, ...], path: str, visit: Any, guard: Any, forge: Any
) -> None:
    """The frameworks that read it so show that page there; what has a name is as open as before."""
    client = visit(guard(rules=rules))
    good = {"Authorization": f"Bearer {forge(scope='list')}"}
    client.get(path, status=401)
    client.get(path, headers={"Authorization": f"Bearer {forge()}"}, status=403)
    client.get(path, headers=good, status=200)
    for named in ("/orgs/7/x", "/orgs/7/x.json", "/orgs/7/indexes", "/orgs/7/a+b", "/orgs/7/@x"):
        client.get(named, status=200)


def test_a_rule_that_names_index_means_just_that(visit: Any, guard: Any) -> None:
    """So an owner opens such a file beside a closed page."""
    rules = (
        Rule("/docs", exact=True),
        *(Rule(f"/docs/{name}", public) for name in ("index", "index.html", ".nojekyll")),
    )
    client = visit(guard(rules=rules))
    client.get("/docs", status=401)
    client.get("/docs/index.json", status=401)
    for name in ("index", "index/2", "index.html", ".nojekyll"):
        client.get(f"/docs/{name}", status=200)
