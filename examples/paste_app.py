"""What paste.ini puts the login app and the middleware in front of: `gunicorn --paste
examples/paste.ini`."""

import json

from jwt_middleware import Identity


def make_app(global_conf, **settings):
    def app(environ, start_response):
        caller = Identity.from_environ(environ)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"id": caller.subject if caller else None}).encode()]

    return app
