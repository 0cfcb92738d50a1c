"""Inspects an app: its middlewares, its routes, the rules that govern them, and the reasons for an
answer.

`middlewares` walks through an app, and `site` finds the listed apps in it. Each of the `listers`
reads the routes of one framework. `coverage` compares routes with rules, and `explanation` explains
one request. No framework is imported, since the class of an app identifies it. Each module has its
twin in `tests/inspection`; `tests/inspection/test_listers.py` tests all listers by live requests.
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
