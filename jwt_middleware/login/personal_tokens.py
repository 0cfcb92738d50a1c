"""Lets users manage their personal access tokens: `GET /tokens` and `POST /tokens`.

    GET                                 the page, or {"tokens": [...], "scopes": [...]}
    POST {"name", "days", "scopes"}     makes a token, which is shown in this answer only
    POST {"remove": id}                 takes back a token of the user's own

A person gets a page. A script gets JSON. The user is known by the token in the Authorization
header, else by the access cookie, else by the refresh cookie, each of a current session. A personal
token does not make further tokens, or a stolen one could outlive its removal.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from ..errors import ConfigurationError, InvalidRequest, InvalidToken, StoreUnavailable
from ..stores.base import PersonalToken, PersonalTokenStore, UnknownToken, UnknownUser, User
from ..stores.tokens import MAX_TOKENS, is_token_name, parse_token
from ..wire.credentials import extract
from ..wire.navigation import mounted, wants_page
from . import audit
from .body import read_fields, text_field
from .cookies import CookieMode, read_cookie
from .errors import NO_STORE, LoginError, json_response
from .forms import peer_of, unavailable
from .signed_in import SignedIn
from .tokens_page import TokensPage

MAX_DAYS = 365
"""The longest lifetime of a token made here, in days. An operator may make longer ones."""

_FAULTS = {
    "name": (400, "The field name must be 1 to 255 characters, without control characters."),
    "days": (400, f"The field days must be an integer from 1 to {MAX_DAYS}."),
    "scopes": (400, "The field scopes must be a list of scopes that you have."),
    "request": (400, "Send name, days and scopes to make a token, or remove to take one back."),
    "unknown": (404, "There is no such token."),
    "full": (409, f"You cannot have more than {MAX_TOKENS} tokens."),
}
"""Maps a word of the page to the status and the sentence of a refusal."""


class _TokenError(LoginError):
    """A refusal that the page explains in its own words."""

    def __init__(self, fault: str) -> None:
        status, message = _FAULTS[fault]
        super().__init__(status, "invalid_request", message)
        self.fault = fault


class _NotSignedIn(LoginError):
    """The request does not come from a user with a current session."""

    def __init__(self) -> None:
        challenge = {"WWW-Authenticate": 'Bearer realm="login"'}
        super().__init__(401, "invalid_token", "Sign in first.", challenge)


class PersonalTokens:
    """Answers the requests to `/tokens`."""

    def __init__(
        self,
        store: PersonalTokenStore,
        signed_in: SignedIn,
        cookies: CookieMode,
        page: TokensPage,
    ) -> None:
        self._store = store
        self._signed_in = signed_in
        self._cookies = cookies
        self._page = page

    def show(self, request: Request) -> Response:
        """Answer `GET /tokens`: the page, or JSON."""
        return self._for_people(request, self._show)

    def change(self, request: Request) -> Response:
        """Answer `POST /tokens`: make a token or take one back."""
        return self._for_people(request, self._change)

    def _for_people(self, request: Request, work: Callable[[Request], Response]) -> Response:
        """Do the work of a request. A person who may not do it gets a page."""
        try:
            return work(request)
        except (LoginError, StoreUnavailable) as error:
            if not _is_for_a_person(request):
                raise
            if isinstance(error, _NotSignedIn):
                following = quote(mounted(request.environ, "/tokens"), "/")
                return _see(f"login?next={following}")
            shown = error
            if isinstance(shown, StoreUnavailable):
                shown = unavailable(shown, peer_of(request))
        fault = shown.fault if isinstance(shown, _TokenError) else None
        return self._page.refusal(request, shown, fault)

    def _show(self, request: Request) -> Response:
        user = self._user_of(request)
        tokens = self._tokens_of(user)
        if _is_for_a_person(request):
            return self._page.response(request, user, tokens)
        listed = [_fields(token) for token in tokens]
        return json_response(200, {"tokens": listed, "scopes": list(user.scopes)})

    def _change(self, request: Request) -> Response:
        fields = read_fields(request, repeatable=("scopes",))
        user = self._user_of(request)
        if "remove" not in fields:
            return self._make(request, user, fields)
        if not {"name", "days", "scopes"}.isdisjoint(fields):
            raise _TokenError("request")
        return self._remove(request, user, text_field(fields, "remove"))

    def _make(self, request: Request, user: User, fields: Mapping[str, Any]) -> Response:
        name, scopes = text_field(fields, "name"), _scopes(request, fields, user)
        if not is_token_name(name):
            raise _TokenError("name")
        now = time.time()
        expires_at = now + _days(fields) * 86_400
        # Read the list before: once the token is in the store, nothing may keep it from being
        # shown.
        tokens = self._tokens_of(user)
        if len(tokens) >= MAX_TOKENS:
            raise _TokenError("full")
        try:
            token = self._store.add_token(
                user.username, name=name, scopes=scopes, expires_at=expires_at
            )
        except UnknownUser:
            raise _gone() from None
        except ConfigurationError:  # another request made the last token
            raise _TokenError("full") from None
        parts = parse_token(token)
        made = PersonalToken(
            id="" if parts is None else parts.id,
            name=name,
            scopes=scopes,
            created_at=now,
            expires_at=expires_at,
        )
        _record("token_added", request, user, made.id)
        if _is_for_a_person(request):
            return self._page.response(request, user, [*tokens, made], token)
        # The store sets the time of making, which may be a second later: the list has it.
        shown = {name: value for name, value in _fields(made).items() if name != "created_at"}
        return json_response(200, {"token": token, **shown})

    def _remove(self, request: Request, user: User, token_id: str) -> Response:
        # Another user's token gets the same answer as one that does not exist.
        if all(token.id != token_id for token in self._tokens_of(user)):
            raise _TokenError("unknown")
        try:
            self._store.remove_token(token_id)
        except UnknownToken:
            raise _TokenError("unknown") from None
        _record("token_removed", request, user, token_id)
        return _see("tokens") if _is_for_a_person(request) else json_response(200, {})

    def _tokens_of(self, user: User) -> Sequence[PersonalToken]:
        try:
            return self._store.tokens(user.username)
        except UnknownUser:
            # Not `_NotSignedIn`: the sign-in page would lead back here, and the browser would loop.
            raise _gone() from None

    def _user_of(self, request: Request) -> User:
        """Return the user whose session made the request, or raise `LoginError`."""
        header_token = _header_token(request)
        if header_token is not None:
            return _require(self._signed_in.by_access_token(header_token))
        access, refresh = self._cookies.access_token(request), read_cookie(request)
        if request.method == "POST" and (access or refresh):
            self._cookies.require_own_page(request)
        user = None if access is None else self._signed_in.by_access_token(access)
        if user is None and refresh is not None:
            address = peer_of(request).address
            user = self._signed_in.by_refresh_token(refresh, address)
        return _require(user)


def _header_token(request: Request) -> str | None:
    """Return the token of the Authorization header. A malformed header raises `LoginError`."""
    try:
        credentials = extract(request.environ)
    except InvalidRequest as refusal:
        raise LoginError(400, "invalid_request", refusal.description) from None
    except InvalidToken:
        raise _NotSignedIn from None
    return None if credentials is None else credentials.token


def _require(user: User | None) -> User:
    if user is None:
        raise _NotSignedIn
    return user


def _is_for_a_person(request: Request) -> bool:
    """Return whether to answer with a page. Only scripts send JSON or an Authorization header."""
    is_script = request.mimetype == "application/json" or "HTTP_AUTHORIZATION" in request.environ
    return not is_script and wants_page(request.environ)


def _scopes(request: Request, fields: Mapping[str, Any], user: User) -> tuple[str, ...]:
    """Return the distinct scopes to give, in their order. Without the field there are none."""
    scopes: object = fields.get("scopes", [])
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise _TokenError("scopes")
    if request.mimetype != "application/json":
        scopes = " ".join(scopes).split()
    if not set(scopes) <= set(user.scopes):
        raise _TokenError("scopes")
    return tuple(dict.fromkeys(scopes))


def _days(fields: Mapping[str, Any]) -> int:
    days = fields.get("days")
    if isinstance(days, str) and re.fullmatch("[1-9][0-9]{0,2}", days):  # a form has only strings
        days = int(days)
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        raise _TokenError("days")
    return days


def _fields(token: PersonalToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": int(token.created_at),
        "expires_at": int(token.expires_at),
    }


def _record(event: str, request: Request, user: User, token_id: str) -> None:
    facts = {"user_id": user.id, "username": user.username, "token_id": token_id}
    audit.record(event, peer_of(request).address, **facts)


def _gone() -> LoginError:
    return LoginError(401, "invalid_token", "The user was changed or removed.")


def _see(location: str) -> Response:
    return Response(status=303, headers={"Location": location, **NO_STORE})
