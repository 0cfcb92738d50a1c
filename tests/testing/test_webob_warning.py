"""WebTest can be imported after the kit by a suite that turns warnings into errors."""

import subprocess
import sys

import pytest

FIRST = ["jwt_middleware.testing", "jwt_middleware.testing.client"]


@pytest.mark.parametrize("first", FIRST)
def test_webtest_gives_no_warning_after_the_kit(first: str) -> None:
    """Whatever of the kit is imported first."""
    script = f"import {first}; from webtest import TestApp"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
