"""A receiver of logout tokens, and a log that says what was revoked."""

import json
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

from jwt_middleware.login import BackChannelLogout

from .logouts import ISSUER, LogoutCase


class RecordingLog:
    """A log without counters, which notes the last thing that was revoked."""

    session_id: str | None = None
    subject: str | None = None

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Note the session."""
        self.session_id = session_id

    def revoke_subject(self, issuer: str, subject: str, *, until: float | None = None) -> None:
        """Note the subject."""
        self.subject = subject


Came = tuple[int, str | None, tuple[str | None, str | None]]
"""Status, reason of a refusal, and the session and the subject that end."""


def came_of(case: LogoutCase) -> Came:
    """Post the token of a case, and return what came of it."""
    log = RecordingLog()
    return *receive(log, case.token), (log.session_id, log.subject)


def wanted_of(case: LogoutCase) -> Came:
    """What has to come of a case."""
    session, subject = case.ends or (None, None)
    # A session is more precise than its subject.
    ends = (session, None if session else subject)
    return (400, case.reason, ends) if case.reason else (200, None, ends)


def receive(log: Any, token: str) -> tuple[int, str | None]:
    """Post a logout token, and return the status and the reason of the refusal."""
    sent: list[Any] = []
    body = urlencode({"logout_token": token.encode("utf-8", "surrogatepass")}).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/logout",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    app = BackChannelLogout([ISSUER.provider], log).wrap(_no_app, path="/logout")
    answer = b"".join(app(environ, lambda status, headers, *_: sent.extend((status, headers))))
    assert dict(sent[1])["Cache-Control"] == "no-store"
    return int(sent[0][:3]), json.loads(answer)["reason"] if answer else None


def _no_app(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError("the request is not for this app")
