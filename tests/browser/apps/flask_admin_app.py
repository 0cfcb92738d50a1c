"""Flask-Admin with CSRF tokens of Flask-WTF, beside views for everything that sends no header: an
image, a download, an EventSource, a WebSocket."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask, Response, request, send_from_directory
from flask_admin import Admin
from flask_admin.contrib.fileadmin import FileAdmin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sock import Sock
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import FlaskForm
from wtforms import StringField

from .guard import behind_sign_in

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

app = Flask(__name__)
folder = Path.cwd() / "files"
folder.mkdir(exist_ok=True)
(folder / "report.csv").write_text("name\nada\n")
app.config.update(
    SECRET_KEY="not the one of the tokens",
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{Path.cwd() / 'books.db'}",
)
db = SQLAlchemy(app)
sock = Sock(app)


class Book(db.Model):  # type: ignore[misc, name-defined]
    """What the admin has pages for."""

    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(80))


class Books(ModelView):  # type: ignore[misc]
    """Pages of books, whose forms have a token of the session."""

    form_base_class = SecureForm


class Note(FlaskForm):  # type: ignore[misc]
    """A form of Flask-WTF, which has a token too."""

    text = StringField("Text")


admin = Admin(app, name="Library")
admin.add_view(Books(Book, db, endpoint="books"))
admin.add_view(FileAdmin(str(folder), "/files/", name="Files"))
with app.app_context():
    db.create_all()


@app.route("/note", methods=["GET", "POST"])
def note() -> str:
    """A form with a CSRF token; what is sent comes back."""
    form = Note()
    said = f"noted: {form.text.data}" if form.validate_on_submit() else ""
    return f"""<!doctype html><title>note</title><p id="said">{said}</p>
<form method="post">{form.hidden_tag()}{form.text()}<button>Send</button></form>"""


@app.route("/files/<name>")
def file(name: str) -> Response:
    """A download."""
    return send_from_directory(folder, name, as_attachment=True)


@app.route("/media")
def media() -> str:
    """A page with an image and a download."""
    return """<!doctype html><title>media</title><img src="/pixel.gif" alt="">
<a download href="/files/report.csv">report</a>"""


@app.route("/pixel.gif")
def pixel() -> Response:
    """An image."""
    return Response(_PIXEL, mimetype="image/gif")


@app.route("/events")
def events() -> Response:
    """Three events, each with the user's name."""
    name = request.environ["REMOTE_USER"]

    def lines() -> Iterator[str]:
        for number in range(3):
            yield f"data: {name} {number}\n\n"
            time.sleep(0.05)

    return Response(lines(), mimetype="text/event-stream")


@sock.route("/echo")  # type: ignore[untyped-decorator]
def echo(connection: Any) -> None:
    """Sends back what comes, with the user's name."""
    while True:
        connection.send(f"{request.environ['REMOTE_USER']} {connection.receive()}")


application = behind_sign_in(app.wsgi_app)
