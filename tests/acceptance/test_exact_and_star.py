"""Rules that fit real apps: `exact=True`, the segment `*`, and the deepest rule of a path."""

from typing import Any

import pytest

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
def test_a_path_below_a_star_is_protected(path: str, visit: Any, guard: Any) -> None:
    """No spelling, no forged header and no bad token gets in."""
    rules = (Rule("/", public), Rule("/orgs/*/admin", scope("admin")))
    assert_protected(guard(rules=rules), path, scopes=["admin"])


def test_the_start_page_alone_is_public(guard: Any) -> None:
    """An exact public rule at the root opens nothing below it."""
    assert_protected(guard(rules=SITE[:2]), "/index")
