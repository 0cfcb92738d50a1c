"""`Provider`: whom we trust, as data."""

import re
from dataclasses import dataclass
from typing import Any

from ..errors import is_number, require, tuple_of
from .keys import KeySource
from .remote_keys import DiscoveredKeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An issuer whose tokens are accepted, and on what terms. Frozen; a contradiction is a
    `ConfigurationError`.

    - `issuer`: the exact `iss` (RFC 7519 section 4.1.1).
    - `audience`: the `aud` to be named in, or several of which one must be; None: this issuer sends
      none, and a token that has one is refused (RFC 7519 section 4.1.3).
    - `keys`: a `KeySet`, or another source of keys.
    - `leeway`: seconds by which clocks may differ, 0 to 300 (RFC 7519 section 4.1.4).
    - `typ`: the one type of token accepted, such as `at+jwt` (RFC 9068 section 4; RFC 8725 section
      3.11).
    - `max_lifetime`: the most seconds from `iat` to `exp`; `iat` is then required.
    - `subject_claim`: the claim that names the caller. `scope_claims`: where scopes are looked for,
      each a text of names with spaces between (RFC 8693 section 4.2) or a list of names.
    """

    issuer: str
    audience: str | tuple[str, ...] | None
    keys: KeySource
    leeway: float = 5
    typ: str | None = None
    max_lifetime: float | None = None
    subject_claim: str = "sub"
    scope_claims: tuple[str, ...] = ("scope", "scp")

    def __post_init__(self) -> None:
        require(
            _is_text(self.issuer),
            "issuer is the exact iss of the tokens: issuer='https://idp.example/'",
        )
        if self.audience is not None and not isinstance(self.audience, str):
            texts = tuple_of(str, self.audience, "audience is a text, a list of texts or None")
            object.__setattr__(self, "audience", texts)
        are_texts = self.audience is None or (self.audiences and all(map(_is_text, self.audiences)))
        require(are_texts, "an audience is not empty")
        is_key_source = hasattr(self.keys, "find") and not isinstance(
            self.keys, (str, bytes)
        )  # a text can find, too
        require(is_key_source, "keys is a key set: keys=KeySet([key])")
        require(is_number(self.leeway) and 0 <= self.leeway <= 300, "leeway is 0 to 300 seconds")
        require(self.typ is None or _is_text(self.typ), "typ is a text such as 'at+jwt', or None")
        is_bound = self.max_lifetime is None or (
            is_number(self.max_lifetime) and self.max_lifetime > 0
        )
        require(is_bound, "max_lifetime is a positive number of seconds, or None")
        require(_is_text(self.subject_claim), "subject_claim is the name of a claim")
        names = tuple_of(
            str, self.scope_claims, "scope_claims is a tuple of names: scope_claims=('scope',)"
        )
        object.__setattr__(self, "scope_claims", names)

    @classmethod
    def discover(
        cls, issuer: str, *, audience: str | tuple[str, ...] | None, **terms: Any
    ) -> "Provider":
        """A provider whose issuer, an https URL, publishes where its keys are; asked at first use,
        not while building.

        OpenID Connect Discovery 1.0 section 4, else RFC 8414 section 3. `terms` are those of
        `Provider`.
        """
        return cls(issuer=issuer, audience=audience, keys=DiscoveredKeySet(issuer), **terms)

    @property
    def audiences(self) -> frozenset[str]:
        """Every accepted audience; empty where the issuer sends none."""
        return frozenset([self.audience] if isinstance(self.audience, str) else self.audience or ())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and not re.search(r"[\x00-\x1f\x7f]", value)
