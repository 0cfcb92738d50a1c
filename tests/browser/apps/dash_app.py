"""Dash, whose own script calls the server back with nothing but the cookie."""

from dash import Dash, Input, Output, State, dcc, html

from .guard import behind_sign_in

dash = Dash("site", title="Dashboard")
dash.layout = html.Div(
    [
        dcc.Location(id="address"),
        html.H1(id="here"),
        dcc.Input(id="word", value=""),
        html.Button("Send", id="send"),
        html.P(id="said"),
        html.Button("Download", id="fetch"),
        dcc.Download(id="download"),
    ]
)


@dash.callback(Output("here", "children"), Input("address", "pathname"))
def here(pathname: str) -> str:
    """Show the path of the page."""
    return f"page {pathname}"


@dash.callback(Output("said", "children"), Input("send", "n_clicks"), State("word", "value"))
def said(clicks: int | None, word: str) -> str:
    """Send back what was typed."""
    return f"received: {word}" if clicks else ""


@dash.callback(Output("download", "data"), Input("fetch", "n_clicks"), prevent_initial_call=True)
def download(clicks: int) -> dict[str, str]:
    """A file."""
    return {"content": "name\nada\n", "filename": "report.csv", "type": "text/csv"}


application = behind_sign_in(dash.server.wsgi_app)
