"""What the servers of the matrix serve: `tests.checks.matrix.served:application`.

- With a header `X-Try` the request goes to every app behind every guard, and the answer says where
  it leaked.
- Otherwise it goes to a small app that tells who is calling, with a login beside it.
"""

import json
from typing import Any

from jwt_middleware import Identity, Rule, optional
from jwt_middleware.login import LoginApp
from jwt_middleware.stores import MemoryStore

from . import guards
from .apps import APPS, SERVED
from .guards import send

GUARDS = {
    "none": guards.none,
    "text": guards.by_text,
    "rule for /api": guards.ours(*guards.UNDER_API),
    "rule for all but public": guards.ours(*guards.ALL_BUT_PUBLIC),
}
_GUARDED = {guard: {name: wrap(APPS[name]()) for name in SERVED} for guard, wrap in GUARDS.items()}
_POST = {name: guards.ours(Rule("/api", methods=("POST",)))(APPS[name]()) for name in SERVED}


def who(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Tell who is calling."""
    identity = Identity.from_environ(environ)
    caller = {key: environ.get(key) for key in ("REMOTE_USER", "AUTH_TYPE", "PATH_INFO")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**caller, "subject": identity and identity.subject}).encode()]


def try_all(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Tell which apps behind which guards ran a protected handler, and which answered 200."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    more = {
        key: value
        for key, value in environ.items()
        if key.startswith("HTTP_") or key == "SCRIPT_NAME"
    }
    sent = {
        guard: {name: send(app, path, method, **more) for name, app in apps.items()}
        for guard, apps in _GUARDED.items()
    }
    posted = [
        name
        for name, app in _POST.items()
        if ("secret", "POST") in send(app, path, method, **more).ran
    ]
    answer = {
        "path": path,
        "leaks": {
            guard: [name for name, outcome in tried.items() if outcome.leaked]
            for guard, tried in sent.items()
        },
        "open": {
            guard: [name for name, outcome in tried.items() if outcome.status == 200]
            for guard, tried in sent.items()
        },
        "posted": posted,
    }
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("X-Tried", json.dumps(answer))]
    )
    return []


def _choose(environ: dict[str, Any], start_response: Any) -> Any:
    return (try_all if "HTTP_X_TRY" in environ else _WHO)(environ, start_response)


_WHO = guards.ours(Rule("/api"), Rule("/optional", optional))(who)
_STORE = MemoryStore(password_method="scrypt:1024:1:1")
_STORE.add_user("ada", "analytical engine")
application = LoginApp(_STORE, guards.MINTER).wrap(_choose, prefix="/auth")
