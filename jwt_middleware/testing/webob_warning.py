"""Imports `cgi` before WebOb does, without its warning.

Until Python 3.12 the import warns. A suite that runs with `-W error`, and imports WebTest itself
after this package, would fail and could not mend it.
"""

import sys
import warnings
from importlib import import_module

if sys.version_info < (3, 13):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
        import_module("cgi")
