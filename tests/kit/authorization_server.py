"""A small authorization server on loopback, as OAuth 2.1 has it: for clients that find it by the
metadata of a resource.

Whoever asks for a code gets one at once, for everything that was asked for.
"""

import hashlib
import secrets
import threading
from base64 import urlsafe_b64encode
from typing import Any, Self
from urllib.parse import urlencode

import flask
from werkzeug.serving import make_server

from jwt_middleware import Key
from jwt_middleware.login import TokenMinter

_PATH = "/idp"
Answer = flask.Response | tuple[dict[str, Any], int] | dict[str, Any]


class AuthorizationServer:
    """Serves within its `with` block. `issuer` is its identifier, which has a path.

    A client that asks for no scope gets `default_scope`.
    """

    def __init__(self, subject: str = "ada", default_scope: str = "") -> None:
        self.subject = subject
        self.default_scope = default_scope
        self.key = Key.generate()
        app = flask.Flask(__name__)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.issuer = f"{self.origin}{_PATH}"
        self.requested: list[dict[str, str]] = []
        """What clients asked for at the authorization endpoint, one after the other."""
        self._redirects: dict[str, list[str]] = {}  # by client id
        self._codes: dict[str, dict[str, str]] = {}
        self._refreshes: dict[str, dict[str, str]] = {}
        oauth, openid = (
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
        )
        for path in (f"{oauth}{_PATH}", f"{_PATH}{openid}"):  # RFC 8414 sections 3 and 5
            app.add_url_rule(path, path, self._metadata)
        app.add_url_rule("/jwks", "jwks", lambda: {"keys": [self.key.to_jwk()]})
        app.add_url_rule("/register", "register", self._register, methods=["POST"])
        app.add_url_rule("/authorize", "authorize", self._authorize)
        app.add_url_rule("/token", "token", self._token, methods=["POST"])

    def mint(self, audience: str, *scopes: str, **how: Any) -> str:
        """Return a token for a resource."""
        minter = TokenMinter(self.key, issuer=self.issuer, audience=audience)
        return minter.mint(self.subject, scopes=scopes, **how)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _metadata(self) -> Answer:
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.origin}/jwks",
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "registration_endpoint": f"{self.origin}/register",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _register(self) -> Answer:
        asked = flask.request.get_json()
        client_id = secrets.token_hex(8)
        self._redirects[client_id] = asked["redirect_uris"]
        return {**asked, "client_id": client_id, "token_endpoint_auth_method": "none"}, 201

    def _authorize(self) -> Answer:
        asked = dict(flask.request.args.items())
        redirect = asked.get("redirect_uri", "")
        if redirect not in self._redirects.get(asked.get("client_id", ""), ()):
            return {"error": "invalid_request"}, 400
        answer = {"iss": self.issuer, "state": asked.get("state", "")}
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            answer["error"] = "invalid_request"
        else:
            self.requested.append(asked)
            answer["code"] = secrets.token_hex()
            self._codes[answer["code"]] = asked
        return flask.redirect(f"{redirect}?{urlencode(answer)}")  # type: ignore[return-value]

    def _token(self) -> Answer:
        form = flask.request.form
        if form.get("grant_type") == "refresh_token":
            granted = self._refreshes.pop(form.get("refresh_token", ""), None)
            is_valid = granted is not None and granted["client_id"] == form.get("client_id")
        else:
            granted = self._codes.get(form.get("code", ""))
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            given = urlsafe_b64encode(digest).decode().rstrip("=")
            is_valid = granted is not None and all(
                granted.get(name) == value
                for name, value in {
                    "client_id": form.get("client_id"),
                    "redirect_uri": form.get("redirect_uri"),
                    "code_challenge": given,
                }.items()
            )
            if is_valid:
                del self._codes[form["code"]]
        if granted is None or not is_valid:
            return {"error": "invalid_grant"}, 400
        scope, refresh = granted.get("scope") or self.default_scope, secrets.token_hex()
        self._refreshes[refresh] = granted
        token = self.mint(form.get("resource") or granted["resource"], *scope.split())
        pair = {"access_token": token, "refresh_token": refresh, "token_type": "Bearer"}
        return {**pair, "expires_in": 900, "scope": scope}
