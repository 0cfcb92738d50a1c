"""Issuers with braces: what the braces can stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware.issuer_template import IssuerTemplate, is_named, is_tenant, meet

TEMPLATE = IssuerTemplate("https://sso.example/realms/r-{realm}/v2")


@given(st.text(max_size=12))
def test_the_braces_stand_for_part_of_one_segment(text: str) -> None:
    """Whatever is put there, it is found again if it is a tenant, and nothing is found if not."""
    found = TEMPLATE.tenant_of(f"https://sso.example/realms/r-{text}/v2")
    assert found == (text if is_tenant(text) else None)


@pytest.mark.parametrize(
    "text", ["a/b", "a\\b", "a?b", "a#b", "a@b", "a:b", "", ".", "..", "a b", "a\n", "é", "a" * 129]
)
def test_a_tenant_never_changes_the_rest_of_a_url(text: str) -> None:
    """No delimiter of a URL, no dot segment and nothing endless is a tenant."""
    assert not is_tenant(text)


@pytest.mark.parametrize(
    ("some", "others", "common"),
    [
        ({"a"}, {"a", "b"}, {"a"}),
        ({"a"}, {"b"}, set()),
        ({"https://a/{t}"}, {"https://a/x", "https://b/x"}, {"https://a/x"}),
        ({"https://a/{t}"}, {"https://a/{t}"}, {"https://a/{t}"}),
        ({"https://a/x", "https://a/y"}, {"https://a/{t}", "c"}, {"https://a/x", "https://a/y"}),
    ],
    ids=lambda names: " and ".join(sorted(names)) or "nothing",
)
def test_what_two_sets_have_in_common(some: set[str], others: set[str], common: set[str]) -> None:
    """The narrower name is left, whichever side it is on."""
    assert meet(frozenset(some), frozenset(others)) == common
    assert meet(frozenset(others), frozenset(some)) == common


def test_a_name_in_another_form_stands_for_itself() -> None:
    """Braces outside a path are no template, and match nothing else."""
    assert is_named("urn:{x}", ["urn:{x}"])
    assert not is_named("urn:a", ["urn:{x}"])
