"""What the tests of text options share: an app, the two ways to guard it, and tokens for it."""

from typing import Any

from webtest import TestApp

from jwt_middleware import Identity, Key
from jwt_middleware.login import TokenMinter
from jwt_middleware.settings import filter_app_factory

SECRET = "a secret of the tests, long enough"
BASIC = {
    "issuer": "https://login.example",
    "audience": "example-api",
    "secret": SECRET,
    "rules": "/api",
}
TERMS = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
"""The options of `BASIC` without its key."""


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that answers with who is calling."""
    caller = Identity.from_environ(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [caller.subject.encode() if caller else b"nobody"]


def by_filter(**options: str) -> Any:
    """The app guarded as an ini file says."""
    return filter_app_factory(app, {}, **options)


def token(key: Key | None = None, **options: Any) -> str:
    """A token of the issuer of `BASIC`."""
    minter = TokenMinter(
        key or Key.from_secret(SECRET), issuer=BASIC["issuer"], audience=BASIC["audience"]
    )
    return minter.mint("ada", **options)


def status(guarded: Any, path: str, bearer: str | None = None, method: str = "GET") -> int:
    """What a path answers."""
    client = TestApp(guarded)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return int(client.request(path, method=method, headers=headers, expect_errors=True).status_int)
