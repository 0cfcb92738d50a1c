"""`Provider`: an issuer that is trusted, as data."""

import inspect
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .._options import check_seconds, got, is_text, require, takes
from ..errors import ConfigurationError
from ..issuer_template import IssuerTemplate, is_template, is_tenant
from .keys import KeySource

if TYPE_CHECKING:
    from .fetch import Fetch
    from .lookup import LookedUp

Tenants: TypeAlias = Collection[str] | Callable[[str], bool]
"""The tenants that an issuer template accepts."""

_MAX_LEEWAY = 300
"""Seconds by which clocks may differ. More would accept expired tokens for too long."""

# Texts, for `re` to compile at first use and not at every import.
_CONTROL = r"[\x00-\x1f\x7f]"

# A media type, with or without its first part (RFC 7515 section 4.1.9, RFC 9110 section 8.3.1).
_MEDIA_TYPE = r"(?a)[!#$%&'*+.^_`|~\w-]+(?:/[!#$%&'*+.^_`|~\w-]+)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An issuer whose tokens are accepted, with the terms for them. A contradiction raises
    `ConfigurationError`.

    - `issuer`: the exact `iss` (RFC 7519 section 4.1.1). None accepts only tokens without an `iss`,
      as djangorestframework-simplejwt and devise-jwt make them; only one provider may be so, and
      its keys must not come from a URL. Its callers have the issuer "".
      A template such as `https://login.microsoftonline.com/{tid}/v2.0` stands for the issuers of
      many tenants: the part in braces must be one of `tenants`, and must equal the claim of that
      name. Only with `discover`, a token may lack that claim.
    - `audience`: the name that a token's `aud` must contain, or several names of which it must
      contain one. None means that this issuer sends no `aud`; a token that has one is refused (RFC
      7519 section 4.1.3).
    - `keys`: a `KeySet`, or another source of keys.
    - `leeway`: seconds by which clocks may differ, 0 to 300 (RFC 7519 section 4.1.4).
    - `typ`: the only type of token that is accepted, such as `at+jwt` (RFC 9068 section 4). None
      accepts `JWT`, `at+jwt` and tokens without a type. So tokens for another purpose are refused
      (RFC 8725 section 3.11). In any case, a token whose claim `token_type`, `token_use` or `typ`
      names another kind, such as `refresh` or `id`, is refused too.
    - `max_lifetime`: the most seconds from `iat` to `exp`. `iat` is then required, and must not be
      more than `leeway` in the future.
    - `subject_claim`: the claim that names the caller; or several, of which the first that is
      present does, such as `("sub", "client_id")` for the people and machines of one issuer.
    - `numeric_subject`: True also accepts an integer as the subject and makes it a string, for
      issuers such as djangorestframework-simplejwt and NestJS.
    - `tenants`: those that a template accepts: a collection of strings, or a predicate that is
      called with the tenant of an unverified token. It must return True or False. If it raises, the
      answer is 503. A cached token does not ask it again.
    - `allow_null`: True reads claims that are null as absent, as some serializers write them.
    - `remote_user_claim`: the claim that becomes REMOTE_USER, such as `preferred_username`, for
      apps that show it or look it up. None uses the subject. A token whose claim is missing or is
      not a printable string sets no REMOTE_USER. The issuer must ensure that such names are unique:
      OpenID Connect Core 1.0 section 5.7 does not promise it for any claim but `sub`.
    - `scope_claims`: the claims that hold scopes. Each is a space-separated string of names (RFC
      8693 section 4.2) or a list of names.
    """

    issuer: str | None
    audience: str | tuple[str, ...] | None
    keys: KeySource
    leeway: float = 5
    typ: str | None = None
    max_lifetime: float | None = None
    subject_claim: str | tuple[str, ...] = "sub"
    numeric_subject: bool = False
    remote_user_claim: str | None = None
    scope_claims: tuple[str, ...] = ("scope", "scp")
    tenants: Tenants | None = None
    allow_null: bool = False

    def __post_init__(self) -> None:
        if self.issuer is not None:
            meaning = "such as issuer='https://idp.example/', the exact iss, or None"
            _check_text("issuer", self.issuer, meaning)
        object.__setattr__(self, "tenants", _checked_tenants(self.issuer, self.tenants))
        object.__setattr__(self, "audience", _checked_audience(self.audience))
        _check_keys(self.keys, is_at_no_url=self.issuer is None)
        check_seconds("leeway", self.leeway, most=_MAX_LEEWAY)
        if self.typ is not None:
            _check_typ(self.typ)
        if self.max_lifetime is not None:
            check_seconds("max_lifetime", self.max_lifetime, above=0)
        object.__setattr__(self, "subject_claim", _checked_subject_claim(self.subject_claim))
        for flag in ("numeric_subject", "allow_null"):
            value = getattr(self, flag)
            require(isinstance(value, bool), f"{flag} must be True or False, got {got(value)}")
        if self.remote_user_claim is not None:
            _check_text("remote_user_claim", self.remote_user_claim, "the name of a claim, or None")
        object.__setattr__(self, "scope_claims", _checked_names("scope_claims", self.scope_claims))

    @classmethod
    def discover(
        cls,
        issuer: str,
        *,
        audience: str | tuple[str, ...] | None,
        fetch: "Fetch | None" = None,
        metadata_url: str | None = None,
        algorithm: str | None = None,
        **terms: Any,
    ) -> "Provider":
        """Return a provider that finds its keys through the metadata of its issuer, an https URL.

        The metadata is fetched at first use, not while building: OpenID Connect Discovery 1.0
        section 4, else RFC 8414 section 3.

        - `fetch`: a `Fetch`, which says how the metadata and the keys are fetched. None means
          `Fetch()`.
        - `issuer`: as in `Provider`. The keys of each tenant of a template are discovered apart.
        - `metadata_url`: the URL of the metadata, for issuers that publish it elsewhere, such as
          Azure AD B2C, and for issuers that this server reaches under another name. The metadata
          must name this issuer.
        - `algorithm`: that of keys that are published without `alg`, as in `RemoteKeySet`.
        - `terms`: the other options of `Provider`.
        """
        # A provider is data. Only this method needs the network modules, so import them here.
        from .discovery import discovered_keys

        keys = discovered_keys(issuer, metadata_url=metadata_url, algorithm=algorithm, fetch=fetch)
        return cls(issuer=issuer, audience=audience, keys=keys, **terms)

    @property
    def subject_claims(self) -> tuple[str, ...]:
        """The claims that may name the caller, in their order."""
        return (self.subject_claim,) if isinstance(self.subject_claim, str) else self.subject_claim

    @property
    def audiences(self) -> frozenset[str]:
        """Every accepted audience; empty if the issuer sends none."""
        if self.audience is None:
            return frozenset()
        return frozenset([self.audience] if isinstance(self.audience, str) else self.audience)


class LookupProvider(Protocol):
    """A provider whose tokens are looked up. See `trust.lookup`."""

    @property
    def terms(self) -> "Provider":
        """The issuer, and the terms for the claims. Its `keys` are `NO_KEYS`, so that JWTs of this
        issuer never verify."""

    def recognizes(self, token: str) -> bool:
        """Return whether the token has the form of this provider's tokens."""

    def look_up(self, token: str) -> "LookedUp":
        """Return the data of a token. Raise `InvalidToken` if it is not valid, and `Unavailable` if
        that is unknown now."""


TokenProvider: TypeAlias = Provider | LookupProvider
"""An issuer that a `Verifier` trusts, by its keys or by looking tokens up."""


def _checked_tenants(issuer: str | None, tenants: Any) -> Any:
    if not is_template(issuer):
        require(tenants is None, "tenants must only be set if issuer has a name in braces")
        return None
    IssuerTemplate(str(issuer))
    if callable(tenants):
        require(takes(tenants, 1), "tenants must take the tenant as its one argument")
        return tenants
    form = (
        "tenants must name those that an issuer with braces accepts: a list, tuple or set of "
        "strings without slashes, such as tenants=('shop',), or a predicate"
    )
    is_collection = isinstance(tenants, (list, tuple, set, frozenset)) and tenants
    require(is_collection and all(map(is_tenant, tenants)), f"{form}, got {got(tenants)}")
    return frozenset(tenants)


def _is_text(value: object) -> bool:
    return is_text(value) and value != "" and not re.search(_CONTROL, str(value))


def _check_text(name: str, value: object, meaning: str) -> None:
    rule = "a string that is not empty and has no control characters or lone surrogates"
    require(_is_text(value), f"{name} must be {rule}, {meaning}, got {got(value)}")


def _checked_audience(audience: object) -> str | tuple[str, ...] | None:
    if audience is None:
        return None
    if isinstance(audience, str):
        require(audience, 'audience must not be empty; use None only if this issuer sends no "aud"')
        _check_text("audience", audience, "the aud of the tokens")
        return audience
    names = _checked_names("audience", audience)
    require(names, 'audience must not be empty; use None only if this issuer sends no "aud"')
    return names


def _checked_names(name: str, value: object) -> tuple[str, ...]:
    # Refuse a string, since iterating it would give single characters.
    if not isinstance(value, (list, tuple)) or not all(map(_is_text, value)):
        raise ConfigurationError(
            f"{name} must be a list or tuple of strings that are not empty, got {got(value)}"
        )
    return tuple(value)


def _checked_subject_claim(value: object) -> str | tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        _check_text("subject_claim", value, "the name of a claim, or a tuple of such names")
        return str(value)
    names = _checked_names("subject_claim", value)
    is_list = names and len(set(names)) == len(names)
    require(is_list, f"subject_claim must be one or more different names, got {got(value)}")
    return names


def _check_keys(keys: object, *, is_at_no_url: bool) -> None:
    # Do not run the property `generation`, since that of a remote key set would fetch the keys.
    # Look for both names, since a string has a `find` too.
    names = ("find", "generation")
    is_source = all(inspect.getattr_static(keys, name, None) is not None for name in names)
    # The value may be a secret, so show only its type.
    form = "keys must be a key set, such as keys=KeySet([key])"
    require(is_source, f"{form}, got an object of {type(keys).__name__}")
    # Several issuers may publish their keys at one URL. Their tokens only differ by the `iss`.
    is_fetched = inspect.getattr_static(keys, "recheck", None) is not None
    require(
        not (is_at_no_url and is_fetched),
        "issuer must be a string if the keys come from a URL; None is for a key of your own",
    )


def _check_typ(typ: object) -> None:
    is_media_type = isinstance(typ, str) and re.fullmatch(_MEDIA_TYPE, typ)
    require(is_media_type, f"typ must be a media type such as 'at+jwt', or None, got {got(typ)}")
