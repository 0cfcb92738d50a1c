"""What gunicorn serves: a Dash app whose callbacks are guarded, and whose page installs the
client."""

from typing import Any

from dash import Dash, Input, Output, html
from flask import request

from jwt_middleware import Identity, JWTMiddleware, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

PASSWORD = "analytical engine"
LIFETIME = 2  # seconds

_PAGE = """<!doctype html><html><head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}
<script type="module">
import { createClient } from "/auth/jwt-client.js";
window.client = createClient();
client.install();
</script></head><body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body></html>"""

dash = Dash(__name__, index_string=_PAGE)
dash.layout = html.Div([html.Button("Count", id="count"), html.P("nothing", id="shown")])


@dash.callback(Output("shown", "children"), Input("count", "n_clicks"), prevent_initial_call=True)
def show(clicks: int) -> str:
    """Say who has clicked how often."""
    caller = Identity.from_environ(request.environ)
    assert caller is not None
    return f"{caller.claims['preferred_username']}: {clicks}"


_store = MemoryStore()
_store.add_user("ada", PASSWORD)
_minter = TokenMinter.from_secret(
    "a secret of thirty-two bytes ....", issuer="dash", audience="api", lifetime=LIFETIME
)
_server: Any = dash.server
_guarded = JWTMiddleware(
    _server.wsgi_app, providers=[_minter.provider], rules=[Rule("/_dash-update-component")]
)
application = LoginApp(_store, _minter).wrap(_guarded, prefix="/auth")
