"""What an app is made of and what protects it: its middlewares, its routes, the rules that govern
them, and why a request is answered as it is.

`middlewares` walks through an app, `site` finds the listed apps in it, `listers` read the routes of
one framework each, `coverage` holds routes against rules, `explanation` explains one request. No
framework is imported: an app is known by its class. Each module has its twin in `tests/inspection`;
the listers are tested together, by live requests, in `tests/inspection/test_listers.py`.
"""

from .coverage import Coverage, RuledRoute, coverage
from .explanation import Explanation, explain
from .middlewares import find_middlewares
from .pattern import Route
from .site import Site, site_at

__all__ = [
    "Coverage",
    "Explanation",
    "Route",
    "RuledRoute",
    "Site",
    "coverage",
    "explain",
    "find_middlewares",
    "site_at",
]
