"""Routes the requests of the login app: reads each request, calls `grants`, and writes the
answer."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from werkzeug.wrappers import Request, Response

from ..errors import InvalidRequest, InvalidToken, StoreUnavailable
from ..stores.base import Store
from ..stores.patience import one_patience
from ..trust.key_folder import PUBLISHED_FOR
from ..wire.credentials import Places, extract
from ..wire.dpop import NONCE_HEADER, DPoPScheme
from .body import flag_field, read_fields, text_field
from .client_keys import ClientKeys
from .cookies import CookieMode
from .errors import NO_STORE, LoginError, json_response
from .forms import Forms, peer_of, unavailable
from .grants import Grants
from .minter import TokenMinter
from .pages import LoginPage, page_file
from .personal_tokens import PersonalTokens
from .tokens_page import TOKENS_FOLDER

Handler: TypeAlias = Callable[[Request], Response]

_PLACES = Places(dpop=DPoPScheme(()))
"""The Authorization header. A token that is bound to a key can be revoked without its proof, since
that helps no thief."""


class Routes:
    """Answers the requests to the login app."""

    def __init__(
        self,
        store: Store,
        minter: TokenMinter,
        grants: Grants,
        cookies: CookieMode,
        page: LoginPage,
        tokens: PersonalTokens | None = None,
        keys: ClientKeys = ClientKeys(None),  # noqa: B008 (it does not change)
    ) -> None:
        self._store = store
        self._minter = minter
        self._grants = grants
        self._cookies = cookies
        self._forms = Forms(cookies, page)
        self._tokens = tokens
        self._keys = keys
        self._handlers = self._make_handlers()

    @property
    def paths(self) -> Iterable[str]:
        """Every path that the login app answers."""
        return self._handlers.keys()

    def methods_of(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path answers."""
        named = self._handlers[path]
        return (*named, "HEAD") if "GET" in named else tuple(named)

    def answer(self, request: Request) -> Response:
        """Answer a request, or raise `LoginError`."""
        methods = self._handlers.get(request.environ.get("PATH_INFO", ""))
        if methods is None:
            raise LoginError(404, "invalid_request", "Not found.")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allow = {"Allow": _allow(methods)}
            raise LoginError(405, "invalid_request", "Method not allowed.", allow)
        try:
            with one_patience():
                return handler(request)
        except StoreUnavailable as error:
            raise unavailable(error, peer_of(request)) from error

    def _make_handlers(self) -> dict[str, dict[str, Handler]]:
        handlers: dict[str, dict[str, Handler]] = {
            "/token": {"POST": self._token},
            "/revoke": {"POST": self._revoke},
            "/login": {"GET": self._forms.show, "POST": self._forms.log_in},
            "/logout": {"POST": self._forms.log_out},
            "/health": {"GET": self._health},
        }
        for name in ("login.css", "login.js"):
            handlers[f"/{name}"] = {"GET": page_file(name)}
        handlers["/jwt-client.js"] = {"GET": self._client_script(page_file("jwt-client.js"))}
        if self._minter.jwks is not None:
            handlers["/.well-known/jwks.json"] = {"GET": self._jwks}
        if self._tokens is not None:
            handlers["/tokens"] = {"GET": self._tokens.show, "POST": self._tokens.change}
            handlers["/tokens.css"] = {"GET": page_file("tokens.css", TOKENS_FOLDER)}
        return handlers

    def _client_script(self, file: Handler) -> Handler:
        def handler(request: Request) -> Response:
            response = file(request)
            self._cookies.mark_old_session(request, response)
            return response

        return handler

    def _token(self, request: Request) -> Response:
        fields = read_fields(request)
        key = self._keys.of(request)
        if flag_field(request, fields, "cookie"):
            response = self._cookies.token(request, fields, peer_of(request), key)
        else:
            response = json_response(200, self._grants.grant(fields, peer_of(request), key=key))
        if key is not None and key.new_nonce is not None:
            response.headers[NONCE_HEADER] = key.new_nonce  # RFC 9449 section 8.2
        return response

    def _revoke(self, request: Request) -> Response:
        header_token = _header_token(request)
        fields = read_fields(request, may_be_absent=header_token is not None)
        everywhere = flag_field(request, fields, "all")
        is_cookie_mode = flag_field(request, fields, "cookie")
        tokens = [] if header_token is None else [header_token]
        if "token" in fields or not (tokens or is_cookie_mode):
            tokens.insert(0, text_field(fields, "token"))
        if is_cookie_mode:
            return self._cookies.revoke(request, tokens, peer_of(request), everywhere=everywhere)
        # The token that the body names is meant (RFC 7009 section 2.1): many clients send their own
        # in the header of every request.
        ended = self._grants.revoke(tokens[:1], peer_of(request), everywhere=everywhere)
        return json_response(200, ended)

    def _jwks(self, request: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={PUBLISHED_FOR}"}
        return json_response(200, self._minter.jwks or {}, headers)

    def _health(self, request: Request) -> Response:
        self._store.ping()
        return json_response(200, {"status": "ok"}, NO_STORE)


def _allow(methods: Iterable[str]) -> str:
    return ", ".join("GET, HEAD" if method == "GET" else method for method in methods)


def _header_token(request: Request) -> str | None:
    """Return the token of the Authorization header. A malformed header raises `LoginError` 400.

    Return None for a token that is too large, since it cannot be ours.
    """
    try:
        credentials = extract(request.environ, places=_PLACES)
    except InvalidRequest as refusal:
        raise LoginError(400, "invalid_request", refusal.description) from None
    except InvalidToken:
        return None
    return None if credentials is None else credentials.token
