"""The corpus: tokens and `Authorization` headers, each with the verdict that an RFC asks for.

`python -m corpus`, run in the folder of the tests, shows how this package and PyJWT fare on it.
"""

from . import algorithms, claims, encoding, headers, json_texts, parameters, signatures
from .case import Case

MODULES = (algorithms, signatures, encoding, json_texts, parameters, claims, headers)
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.cases())
