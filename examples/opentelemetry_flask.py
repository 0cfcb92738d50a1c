"""OpenTelemetry; one process: `PASSWORD=secret gunicorn examples.opentelemetry_flask`"""

import os
import secrets

from flask import Flask, request
from opentelemetry import metrics, trace

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Flask(__name__)
tracer, meter = trace.get_tracer("example"), metrics.get_meter("example")
decisions = meter.create_counter("jwt_middleware.decisions")


@app.get("/")
@app.get("/api/me")
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


def observe(decision, environ):
    reason = getattr(decision.answer or decision.reported, "reason", "allowed")
    facts = {"rule": decision.rules[0].prefix if decision.rules else "", "reason": reason}
    decisions.add(1, facts)
    with tracer.start_as_current_span("jwt_middleware.decision", attributes=facts) as span:
        if decision.identity:  # a trace may name people, a metric must not
            span.set_attribute("enduser.id", decision.identity.subject)


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
options = {"rules": [Rule("/api")], "observers": [observe]}
guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], **options)
app.wsgi_app = LoginApp(store, minter).wrap(guarded, prefix="/auth")
application = app
