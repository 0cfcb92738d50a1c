"""An endpoint of the Model Context Protocol, whose clients find their way to a token by themselves:
`ISSUER=https://idp.example RESOURCE=https://api.example/mcp gunicorn examples.mcp_flask`."""

import os

from flask import Flask, request

from jwt_middleware import JWTMiddleware, Provider, Rule, any_of, enforce, scope
from jwt_middleware.flask import get_jwt_identity, init_app

CURRENT, OLDER = "2026-07-28", ("2025-11-25", "2025-06-18")
VERSION = "io.modelcontextprotocol/protocolVersion"
SERVER = {"name": "notes", "version": "1"}
TOOLS = [
    {
        "name": "list_notes",
        "annotations": {"readOnlyHint": True},
        "inputSchema": {"type": "object"},
    },
    {
        "name": "add_note",
        "inputSchema": {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
        },
    },
]
notes = {}  # by subject
app = Flask(__name__)
init_app(app)  # a refusal by `enforce` is answered too


@app.get("/")
def home():
    return {"mcp": "/mcp"}


@app.post("/mcp")  # the current revision has neither streams by GET nor sessions
def mcp():
    message = request.get_json(silent=True)
    message = message if isinstance(message, dict) else {}
    method, params, number = message.get("method"), message.get("params", {}), message.get("id")
    if not isinstance(method, str) or not isinstance(params, dict):
        return failed(None, 400, -32600, "the body must be one JSON-RPC request")
    revision = request.headers.get("MCP-Protocol-Version", OLDER[-1])
    if revision not in (CURRENT, *OLDER):
        versions = {"supported": [CURRENT, *OLDER], "requested": revision}
        return failed(number, 400, -32022, "unsupported protocol version", versions)
    if "id" not in message:
        return "", 202  # a notification, of which this server needs none
    if revision == CURRENT and not agrees_with_headers(method, params):
        return failed(number, 400, -32020, "a header differs from the body")
    answer = ANSWERS.get(method)
    if answer is None:
        return failed(number, 404, -32601, "method not found")
    return {"jsonrpc": "2.0", "id": number, "result": {"resultType": "complete", **answer(params)}}


def agrees_with_headers(method, params):
    """A proxy may have decided by these headers, so the body must say the same."""
    meta = params.get("_meta")
    version = meta.get(VERSION) if isinstance(meta, dict) else None
    name = params.get("name") if method == "tools/call" else None
    said = [request.headers.get(header) for header in ("Mcp-Method", "Mcp-Name")]
    return said == [method, name] and version == CURRENT


def failed(number, status, code, message, data=None):
    error = {"code": code, "message": message} | ({"data": data} if data else {})
    return {"jsonrpc": "2.0", "id": number, "error": error}, status


def initialize(params):  # of older clients; without a session, since each request has its token
    asked = params.get("protocolVersion")
    version = asked if asked in OLDER else OLDER[0]
    return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": SERVER}


def discover(params):
    versions = [CURRENT, *OLDER]
    meta = {"io.modelcontextprotocol/serverInfo": SERVER}
    return {"supportedVersions": versions, "capabilities": {"tools": {}}, "_meta": meta, **CACHE}


def call_tool(params):
    own = notes.setdefault(get_jwt_identity(), [])
    if params.get("name") == "add_note":
        enforce(request.environ, scope("notes:write"))  # else 403: the client asks for this scope
        own.append(str(dict(params.get("arguments") or {}).get("text")))
    elif params.get("name") != "list_notes":
        return {"isError": True, "content": [{"type": "text", "text": "no such tool"}]}
    return {"content": [{"type": "text", "text": note} for note in own]}


CACHE = {"ttlMs": 60_000, "cacheScope": "public"}
ANSWERS = {
    "initialize": initialize,
    "ping": lambda params: {},
    "server/discover": discover,
    "tools/list": lambda params: {"tools": TOOLS, **CACHE},
    "tools/call": call_tool,
}
# As clients write it. It is also the audience of their tokens.
resource = os.environ.get("RESOURCE", "https://api.example/mcp")
provider = Provider.discover(os.environ.get("ISSUER", "https://idp.example"), audience=resource)
app.wsgi_app = JWTMiddleware(
    app.wsgi_app,
    providers=[provider],
    rules=[Rule("/mcp", any_of(scope("notes:read"), scope("notes:write")))],  # writing is more
    resource=resource,
    strict_origins=True,  # a page of another site cannot use this server through a browser
)
application = app
