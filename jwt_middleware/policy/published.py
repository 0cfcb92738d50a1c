"""`Published`: what is published of a middleware's rules, for clients that have no token yet.

The metadata of a resource (`wire.metadata`) names the scopes and the issuers. Only enforced rules
count, and no path, claim or name of a person is published.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ..issuer_template import is_named
from .requirements import any_of, public
from .rules import Rule, Rules

__all__ = [
    "KnownIssuers",
    "Published",
]


class KnownIssuers(Protocol):
    """The issuers of a middleware, as `Verifier` knows them."""

    @property
    def issuers(self) -> frozenset[str]:
        """Every issuer; the issuers of tenants as their template."""

    @property
    def named_issuers(self) -> tuple[str, ...]:
        """Those with a name, in the order of the providers; tenants one by one if known."""


class Published:
    """What the rules of a middleware tell its clients.

    - `rules`: the rule of the document itself, which everybody may read.
    - `scopes`: every scope that an enforced rule names, each once, in the order of the rules.
    - `issuers`: the known issuers that an enforced rule accepts, each by a name of its own.

    `path` is where the document is. `known` has every issuer, and also one without a name.
    """

    def __init__(self, path: str, rules: Sequence[Rule], known: KnownIssuers) -> None:
        enforced = [rule for rule in rules if not rule.report_only]
        self.rules: Rules = (Rule(path, public),)
        self.scopes = _scopes(enforced, every=True)
        asked = [rule for rule in enforced if not rule.is_public]
        accepted = frozenset[str]().union(*[rule.issuers(known.issuers) for rule in asked])
        # A rule may name one tenant of a template, which does not list its tenants itself.
        named = dict.fromkeys((*known.named_issuers, *sorted(accepted)))
        self.issuers = tuple(name for name in named if name and is_named(name, accepted))

    def asked_scopes(self, rules: Sequence[Rule]) -> tuple[str, ...]:
        """Return the scopes that a token needs for all of these rules, for a challenge.

        Of an `any_of`, these are the scopes of its first alternative, whose refusal is sent.
        """
        return _scopes(rules, every=False)


def _scopes(rules: Sequence[Rule], *, every: bool) -> tuple[str, ...]:
    asked = (one for rule in rules for one in rule.requires)
    return tuple(dict.fromkeys(name for one in asked for name in _scopes_of(one, every=every)))


def _scopes_of(requirement: Any, *, every: bool) -> Iterator[str]:
    # `scope` and `any_of` make objects with these attributes. Do not ask an owner's own object,
    # whose `scopes` may mean anything.
    if type(requirement).__module__ != any_of.__module__:
        return
    yield from getattr(requirement, "scopes", ())
    alternatives = getattr(requirement, "alternatives", ())
    for alternative in alternatives if every else alternatives[:1]:
        yield from _scopes_of(alternative, every=every)
