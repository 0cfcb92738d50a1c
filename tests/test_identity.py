"""`Identity`: frozen, shared, and with claims that are the caller's own."""

import pytest

from jwt_middleware import Identity


def identity(issuer: str = "https://idp.example") -> Identity:
    """An identity as the verifier makes it."""
    return Identity(
        "user", issuer, ("read",), "t1", None, 1e9, b'{"sub":"user","roles":["a"],"n":1,"t":true}'
    )


IDENTITY = identity()


def test_claims_are_a_new_dict_at_each_access() -> None:
    """What a handler does to them reaches no other request, down to the lists inside."""
    IDENTITY.claims["roles"].append("admin")
    IDENTITY.claims.clear()
    assert IDENTITY.claims == {"sub": "user", "roles": ["a"], "n": 1, "t": True}
    assert IDENTITY.claims["t"] is True


@pytest.mark.parametrize(
    "name", ["subject", "issuer", "scopes", "token_id", "session_id", "expires_at", "claims_json"]
)
def test_nothing_of_it_can_be_changed(name: str) -> None:
    """It is shared between the requests of one token."""
    with pytest.raises(AttributeError):
        setattr(IDENTITY, name, None)


def test_it_can_be_a_key() -> None:
    """Equal by value, and hashable."""
    assert {IDENTITY: 1}[identity()] == 1
    assert identity("https://other.example") != IDENTITY


def test_it_is_read_from_the_environ() -> None:
    """Under one key, which no header of a client can produce; None where there is none."""
    assert Identity.from_environ({"jwt_middleware.identity": IDENTITY}) is IDENTITY
    assert Identity.from_environ({"HTTP_JWT_MIDDLEWARE_IDENTITY": "x"}) is None
