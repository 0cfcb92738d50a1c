"""The errors: their tree, statuses, codes, and the closed set of reasons."""

from collections.abc import Callable

import pytest

from jwt_middleware import (
    ConfigurationError,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    JWTMiddlewareError,
    MissingToken,
    Refusal,
    StoreUnavailable,
    Unavailable,
)
from jwt_middleware._options import require, tuple_of
from jwt_middleware.errors import is_answerable
from jwt_middleware.reasons import DESCRIPTIONS


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (MissingToken(), 401, None),
        (InvalidRequest(), 400, "invalid_request"),
        (InvalidToken("signature"), 401, "invalid_token"),
        (InsufficientScope(), 403, "insufficient_scope"),
        (Unavailable("keys_unavailable"), 503, "temporarily_unavailable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Refusal) else str(value),
)
def test_each_refusal_fixes_its_status_and_code(
    refusal: Refusal, status: int, code: str | None
) -> None:
    """RFC 6750 section 3.1 ties the code to the status; a reason is all that a refusal says."""
    assert (refusal.status, refusal.code) == (status, code)
    assert refusal.reason in DESCRIPTIONS
    assert str(refusal) == refusal.reason
    assert refusal.description == DESCRIPTIONS[refusal.reason]


@pytest.mark.parametrize(
    "kind", [MissingToken, InvalidRequest, InvalidToken, InsufficientScope, Unavailable]
)
def test_a_reason_is_one_of_a_closed_set(kind: type[Refusal]) -> None:
    """Any other text is a mistake of the caller's, so nothing of a request can become one."""
    assert issubclass(kind, Refusal)
    for text in ("", "Signature", 'x", error="none', "x\r\nSet-Cookie: a=b"):
        with pytest.raises(ValueError, match="reason must be one of"):
            kind(text)


def test_the_tree() -> None:
    """One root for all; a `ConfigurationError` is a `ValueError` too; neither it nor a store's
    error is a refusal."""
    assert all(
        issubclass(kind, JWTMiddlewareError)
        for kind in (ConfigurationError, StoreUnavailable, Refusal)
    )
    assert issubclass(ConfigurationError, ValueError)
    assert not issubclass(ConfigurationError, Refusal)
    assert not issubclass(StoreUnavailable, Refusal)


def test_what_a_refusal_carries_besides() -> None:
    """The scopes that are needed; the seconds after which to come again."""
    assert InsufficientScope(scope=("a", "b")).scope == ("a", "b")
    assert InsufficientScope().scope == ()
    assert Unavailable("keys_unavailable", retry_after=7).retry_after == 7


def test_require_and_tuple_of_show_the_right_form() -> None:
    """A text is not taken for a list of texts, and the message is the caller's."""
    require(True, "unused")
    assert tuple_of(str, ["a", "b"], "a list") == ("a", "b")
    for value in ("ab", b"ab", None, 5, {"a": 1}, ["a", 5], iter(["a"])):
        with pytest.raises(ConfigurationError, match="a list"):
            tuple_of(str, value, "a list")
    with pytest.raises(ConfigurationError, match="the right form"):
        require([], "the right form")


UNFIT: dict[str, Callable[[], Refusal]] = {
    "a text for scopes": lambda: InsufficientScope(scope="admin"),  # type: ignore[arg-type]
    "a list of scopes": lambda: InsufficientScope(scope=["admin"]),  # type: ignore[arg-type]
    "two scopes in one": lambda: InsufficientScope(scope=("a b",)),
    "a quote": lambda: InsufficientScope(scope=('a"',)),
    "a line break": lambda: InsufficientScope(scope=("a\r\nX: y",)),
    "a number": lambda: InsufficientScope(scope=(1,)),  # type: ignore[arg-type]
    "an empty scope": lambda: InsufficientScope(scope=("",)),
    "a text for seconds": lambda: Unavailable("key", retry_after="1"),  # type: ignore[arg-type]
    "a date that has passed": lambda: Unavailable("key", retry_after=-1),
    "true for seconds": lambda: Unavailable("key", retry_after=True),
}


@pytest.mark.parametrize("make", UNFIT.values(), ids=UNFIT)
def test_what_cannot_stand_in_a_header_is_not_made(make: Callable[[], Refusal]) -> None:
    """A header of an answer never depends on what a caller put into a claim."""
    with pytest.raises(ValueError, match="must be"):
        make()


def test_the_root_of_the_refusals_is_not_raised() -> None:
    """It has no status, so no answer: a slip shows where it is made."""
    with pytest.raises(TypeError, match="raise one of the subclasses"):
        Refusal("forbidden")


def test_each_refusal_of_ours_can_be_sent() -> None:
    """With every reason."""
    for reason in DESCRIPTIONS:
        for kind in (MissingToken, InvalidRequest, InvalidToken, Unavailable):
            assert is_answerable(kind(reason))
    assert is_answerable(InsufficientScope(scope=("a", "https://x.example/b")))
