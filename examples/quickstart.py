"""A plain WSGI app behind the middleware: `gunicorn examples.quickstart`, one process.

Sign in as ada, password "analytical engine", at /auth/login; then call /api with the token.
"""

from jwt_middleware import Identity, JWTMiddleware, Key, Rule, public
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


def app(environ, start_response):
    caller = Identity.from_environ(environ)
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"hello {caller.subject}\n".encode() if caller else b"hello whoever you are\n"]


store = MemoryStore()
store.add_user("ada", "analytical engine")
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
rules = [Rule("/api"), Rule("/api/health", public)]
guarded = JWTMiddleware(app, providers=[minter.provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
