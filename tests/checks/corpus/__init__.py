"""The corpus: tokens and `Authorization` headers, each with the verdict that an RFC asks for.

`python -m tests.checks.corpus` shows how this package and PyJWT fare on it.
"""

from . import (
    algorithms,
    claims,
    encoding,
    headers,
    json_texts,
    key_forms,
    kinds,
    logouts,
    parameters,
    signatures,
)
from .case import Case
from .key_forms import KeyCase
from .logouts import LogoutCase

MODULES = (algorithms, signatures, encoding, json_texts, parameters, kinds, claims, headers)
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.cases())
LOGOUT_CASES: tuple[LogoutCase, ...] = tuple(logouts.cases())
KEY_CASES: tuple[KeyCase, ...] = tuple(key_forms.cases())
