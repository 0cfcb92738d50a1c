"""`IssuerTemplate`: the issuers of many tenants as one string with a name in braces.

    https://login.microsoftonline.com/{tid}/v2.0        https://sso.example/realms/{realm}

The braces mean one part of the path, or for some of its characters. So a tenant never selects
another host, and never contains a slash.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from ._frozen import Frozen
from ._options import got, require

# Texts, for `re` to compile at first use and not at every import.
_TEMPLATE = r"(https?://[^/?#{}]+/[^?#{}]*)\{(\w+)\}([^?#{}]*)"
_TENANT = r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]{1,128}"
"""The unreserved characters of a URL (RFC 3986 section 2.3), except for dot segments."""


class IssuerTemplate(Frozen):
    """A template of issuers: `name` is what its braces contain.

    It must be an http or https URL without query and fragment. Its path must have one pair of
    braces. Anything else raises `ConfigurationError`.
    """

    __slots__ = ("after", "before", "name")
    after: str
    before: str
    name: str

    def __init__(self, template: str, *, name: str = "issuer") -> None:
        parts = re.fullmatch(_TEMPLATE, template, re.ASCII)
        require(
            parts is not None,
            f"{name} must have at most one name in braces, and only in the path of its URL, such "
            f"as 'https://sso.example/realms/{{realm}}', got {got(template)}",
        )
        before, found, after = parts.groups() if parts else ("", "", "")
        super().__init__(after, before, found)

    def tenant_of(self, issuer: str) -> str | None:
        """Return what an issuer has in place of the braces, or None if it is not of this form."""
        has_form = issuer.startswith(self.before) and issuer.endswith(self.after)
        if not has_form or len(issuer) <= len(self.before) + len(self.after):
            return None
        tenant = issuer[len(self.before) : len(issuer) - len(self.after)]
        return tenant if is_tenant(tenant) else None

    def fill(self, text: str, tenant: str) -> str:
        """Return the text with the tenant in place of the same braces."""
        return text.replace(f"{{{self.name}}}", tenant)


def is_template(issuer: object) -> bool:
    """Return whether an issuer has braces."""
    return isinstance(issuer, str) and ("{" in issuer or "}" in issuer)


def is_tenant(value: object) -> bool:
    """Return whether a value may replace the braces."""
    return isinstance(value, str) and re.fullmatch(_TENANT, value) is not None


def serves(key_issuer: str | None, issuer: str) -> bool:
    """Return whether a key that is published for `key_issuer` verifies tokens of an issuer. Entra
    publishes a template whose braces have a name of their own."""
    return key_issuer is None or is_named(issuer, (key_issuer,))


def is_named(issuer: str, names: Iterable[str]) -> bool:
    """Return whether an issuer is one of the names, or has the form of a template among them."""
    return any(name == issuer or _is_of(name, issuer) for name in names)


def meet(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Return the issuers that two sets have in common, each as precisely as one of them names
    it."""
    named = {one for one in some if is_named(one, others)}
    return frozenset(named | {other for other in others if is_named(other, some)})


def _is_of(name: str, issuer: str) -> bool:
    template = _template_in(name) if "{" in name else None
    return template is not None and template.tenant_of(issuer) is not None


@lru_cache(maxsize=64)  # a document or a rule has few of them, but each token is compared
def _template_in(name: str) -> IssuerTemplate | None:
    try:
        return IssuerTemplate(name)
    except ValueError:  # in another form: it means itself alone
        return None
