"""Pages for people, without a script: `PASSWORD="analytical engine" gunicorn
examples.pages_flask`, then open http://localhost:8000/notes."""

import os
import secrets

from flask import Flask, redirect, render_template_string, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule, bearer, in_cookie, public
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

NOTES = """<!doctype html><title>Notes</title>{% for note in notes %}<p>{{ note }}</p>{% endfor %}
<form method="post"><input name="note" required><button>Add</button></form>
<form method="post" action="/auth/logout"><button>Sign out</button></form>"""
app, notes = Flask(__name__), []


@app.get("/")
@app.get("/api/me")
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


@app.route("/notes", methods=["GET", "POST"])
def page():
    if request.method == "POST":  # the middleware has seen that a page of this host asks
        notes.append(request.form["note"])
        return redirect("/notes", 303)
    return render_template_string(NOTES, notes=notes)


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-pages")
places = {"credentials": (bearer, in_cookie("__Host-jwt")), "sign_in": "/auth/login"}
rules = [Rule("/"), Rule("/", public, exact=True)]
guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=rules, **places)
app.wsgi_app = LoginApp(store, minter, access_cookie="__Host-jwt").wrap(guarded, prefix="/auth")
application = app
