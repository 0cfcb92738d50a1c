"""The tests: unit tests in folders that mirror the package, `kit/` that all share, `checks/`."""

import os
import sys

# The workers of a run, and the processes that the tests start, would compile everything anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
