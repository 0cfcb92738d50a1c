"""Trac, which knows its user from REMOTE_USER."""

import io
from pathlib import Path
from typing import Any

from trac.attachment import Attachment
from trac.env import Environment
from trac.perm import PermissionSystem
from trac.ticket import Ticket
from trac.web.main import dispatch_request

from .guard import behind_sign_in

_FOLDER = Path.cwd() / "trac"
if not _FOLDER.exists():
    _env = Environment(str(_FOLDER), create=True)
    PermissionSystem(_env).grant_permission("authenticated", "TRAC_ADMIN")
    _ticket = Ticket(_env)
    _ticket["summary"], _ticket["reporter"] = "the first", "ada"
    Attachment(_env, "ticket", _ticket.insert()).insert("report.csv", io.BytesIO(b"name\nada\n"), 9)
    _env.shutdown()


def trac(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer a request for the one project."""
    environ["trac.env_path"] = str(_FOLDER)
    return dispatch_request(environ, start_response)


application = behind_sign_in(trac)
