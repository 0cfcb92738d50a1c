"""`LoginError`: a refusal as an answer."""

import json

from jwt_middleware.login.errors import LoginError, json_response


def test_the_answer_to_a_refused_request() -> None:
    """The sentence stands where clients of OAuth and of Flask-JWT-Extended look for it, and no
    cache keeps it."""
    response = LoginError(429, "invalid_grant", "Too many.", {"Retry-After": "7"}).response()
    assert response.status_code == 429
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Retry-After"] == "7"
    assert response.json == {
        "msg": "Too many.",
        "error": "invalid_grant",
        "error_description": "Too many.",
    }


def test_json_is_not_stored_unless_told_otherwise() -> None:
    """An answer may hold a token (RFC 6749 section 5.1)."""
    response = json_response(200, {"a": "é"})
    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "application/json"
    assert json.loads(response.data) == {"a": "é"}
    assert json_response(200, {}, {"Cache-Control": "public"}).headers["Cache-Control"] == "public"
