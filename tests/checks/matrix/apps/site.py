"""The site that every app serves: everything below the secret roots is secret, all else is public.

Each handler notes in `RAN` that it ran, so that a HEAD request or an odd encoding cannot hide it.
"""

RAN: list[tuple[str, str]] = []
"""What ran since the list was last cleared: (secret or public, the method of the handler)."""

SECRET_ROOTS = ("/api", "/my_api", "/caf\xe9")
"""A short name, one with an underscore, and one that is not ASCII."""

ROOTS = tuple(root.encode().decode("latin-1") for root in SECRET_ROOTS)
"""The roots as PATH_INFO holds them."""

SECRET = ("/api", "/api/secret", "/my_api", "/my_api/secret", "/caf\xe9", "/caf\xe9/secret")
"""Beside these, every framework with dynamic routes has `/api/items/<anything>`."""

PUBLIC = (
    "/",
    "/apix",
    "/ap",
    "/a",
    "/api-docs",
    "/api_",
    "/feed.json",
    "/apis",
    "/apisecret",
    "/apix/secret",
    "/xapi",
    "/x/api",
    "/x/api/secret",
    "/API",
    "/Api/secret",
    "/secret",
    "/items/7",
    "/api2/secret",
    "/.well-known/api",
)
"""Beside these, everything below `/public/`."""


def run(kind: str, method: str) -> str:
    """Note that a handler ran, and return its answer."""
    RAN.append((kind, method.upper()))
    return kind


def below(path: str, *roots: str) -> bool:
    """Tell whether the path is one of the roots or below one, compared by whole segments."""
    return any(path == root or path.startswith(root + "/") for root in roots)
