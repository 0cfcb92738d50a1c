"""Uses of `trusting` may end in any order, as the fixtures of a test and of its module do."""

import sys

import pytest

from jwt_middleware.testing import Client, trusting
from tests.kit.apps import guarded


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["as they began", "in reverse"])
def test_uses_end_in_any_order(order: tuple[int, int]) -> None:
    """What ends takes its own key away and no other, and the last leaves the app as it was."""
    site = guarded()
    before = site.verifier
    uses = [trusting(site), trusting(site)]
    tokens = [use.__enter__() for use in uses]
    first, last = order
    ended, client = tokens[first].good("ada"), Client(site, tokens[last])
    client.with_token(ended).get("/api/me")
    uses[first].__exit__(None, None, None)
    assert client.as_user("ada").get("/api/me").json == {"id": "ada"}
    client.with_token(ended).get("/api/me", status=401)
    uses[last].__exit__(None, None, None)
    assert site.verifier is before


def test_all_names_need_no_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from jwt_middleware.testing import *` works for who installed the extra `testing` alone."""
    monkeypatch.delitem(sys.modules, "jwt_middleware.testing.django_client", raising=False)
    monkeypatch.setitem(sys.modules, "django", None)
    names: dict[str, object] = {}
    exec("from jwt_middleware.testing import *", names)
    assert "Client" in names
