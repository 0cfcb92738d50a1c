"""What gunicorn serves to the browser: login apps side by side over one SQLite file, and an API
that they open."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Request, Response

from jwt_middleware import (
    DPoP,
    Identity,
    JWTMiddleware,
    RevocationList,
    Rule,
    bearer,
    fresh,
    in_cookie,
)
from jwt_middleware.cli.demo_app import make_application
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

DATABASE = "auth.db"
SECRET = "a secret of thirty-two bytes ...."
MARKUP = "'\"><img src=x onerror=alert(1)></p><script>alert(2)</script>$&{{7*7}}"
TEMPLATE = """<!doctype html><html lang="$lang"><title>$title</title>
<script type="module" src="login.js"></script>
<main data-next="$next" data-texts="$texts"><h1></h1><p id="message" role="alert"></p>
<form method="post" action="token">Costs $$5 <b>$title</b><input id="username">
<input id="password" type="password">
<input id="show" type="checkbox"><button id="sign-in" disabled></button></form>
<section hidden><p id="who" tabindex="-1"></p><button id="sign-out">$sign_out</button>
</section></main></html>"""


GATEWAYS = {"/renamed": "x-amzn-Remapped-WWW-Authenticate", "/stripped": None}
"""What becomes of `WWW-Authenticate` below a path."""


def _renaming(start_response: Callable[..., Any], to: str | None) -> Callable[..., Any]:
    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        passed = [
            (to if name.lower() == "www-authenticate" else name, value) for name, value in headers
        ]
        return start_response(status, [pair for pair in passed if pair[0]], *exc_info)

    return start


def open_store(folder: Path) -> SQLStore:
    """The store of the site, for the server and for a test that looks behind it."""
    return SQLStore(f"sqlite:///{folder / DATABASE}", password_method="scrypt:1024:1:1")


def _minter(lifetime: int = 900) -> TokenMinter:
    return TokenMinter.from_secret(SECRET, issuer="site", audience="api", lifetime=lifetime)


@Request.application
def _pages(request: Request) -> Response:
    """The API, which sends back what it gets, and an empty page everywhere else."""
    caller = Identity.from_environ(request.environ)
    if caller is None:
        return Response("<!doctype html><title>blank</title>", mimetype="text/html")
    return Response(f"{caller.subject} {request.method} {request.get_data(as_text=True)}")


@cache
def _site(port: str) -> Callable[..., Any]:
    store, folder = open_store(Path.cwd()), Path.cwd()
    listed = [f"http://{host}.localhost:{port}" for host in ("front.site", "far")]
    guarded = JWTMiddleware(
        _pages,
        providers=[_minter().provider],
        rules=[Rule("/api"), Rule("/api/recent", fresh(600))],
        revocations=RevocationList(store, max_staleness=0),
        allowed_origins=listed,
    )
    pages = JWTMiddleware(
        _pages,
        providers=[_minter().provider],
        rules=[Rule("/"), Rule("/recent", fresh(600))],
        credentials=(bearer, in_cookie("__Host-jwt")),
        revocations=RevocationList(store, max_staleness=0),
        sign_in="/auth/login",
    )
    (folder / "template.html").write_text(TEMPLATE)
    proofs = {
        f"/{kind}": DPoP(f"http://127.0.0.1:{port}", replays=store, nonces=kind == "nonces")
        for kind in ("bound", "nonces")
    }
    mounts = {
        "/auth": LoginApp(store, _minter(), allowed_origins=listed),
        "/short": LoginApp(store, _minter(lifetime=2)),
        "/markup": LoginApp(store, _minter(), title=MARKUP),
        "/template": LoginApp(store, _minter(), title=MARKUP, template=folder / "template.html"),
        "/deep/er": LoginApp(store, _minter()).wrap(guarded, prefix="/auth"),
        "/paged": LoginApp(store, _minter(), access_cookie="__Host-jwt").wrap(
            pages, prefix="/auth"
        ),
        "/misled": LoginApp(store, _minter()).wrap(pages, prefix="/auth"),
        **{
            mount: LoginApp(store, _minter(), dpop=dpop).wrap(
                JWTMiddleware(
                    _pages,
                    providers=[_minter().provider],
                    rules=[Rule("/api")],
                    revocations=RevocationList(store, max_staleness=0),
                    dpop=dpop,
                ),
                prefix="/auth",
            )
            for mount, dpop in proofs.items()
        },
        "/demo": make_application(f"sqlite:///{folder / DATABASE}", SECRET, issuer="demo"),
    }
    return DispatcherMiddleware(guarded, mounts)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """The site; below `/proxied` as if behind a proxy that cuts off its prefix and does not say
    so, below `/rehosted` as if behind one that sends its own `Host`, below `/renamed` and
    `/stripped` as if behind a gateway that renames or removes `WWW-Authenticate`."""
    for gateway, name in GATEWAYS.items():
        if environ["PATH_INFO"].startswith(gateway):
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(gateway)
            start_response = _renaming(start_response, name)
    if environ["PATH_INFO"].startswith("/rehosted/"):
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/rehosted")
        environ["HTTP_HOST"] = "backend.internal:9000"
    if environ["PATH_INFO"].startswith("/proxied/"):
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/proxied")
    return _site(environ["SERVER_PORT"])(environ, start_response)
