"""A CherryPy app behind the middleware: `PASSWORD="analytical engine" gunicorn
examples.cherrypy_app`, one process."""

import os
import secrets

import cherrypy

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


class Site:
    @cherrypy.expose(["index"])
    @cherrypy.tools.json_out()
    def me(self):
        caller = Identity.from_environ(cherrypy.request.wsgi_environ)
        return {"id": caller and caller.subject}


root = Site()
root.api = Site()
cherrypy.config.update({"environment": "embedded"})
app = cherrypy.Application(
    root, script_name=None
)  # None: as the environ says, so it can be mounted anywhere
# By default CherryPy reads punctuation as `_`: /read-all reaches a method `read_all` past a rule
# for /read_all.
app.merge({"/": {"request.dispatch": cherrypy.dispatch.Dispatcher(translate={})}})
store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(app, providers=[minter.provider], rules=[Rule("/api")])
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
