"""What the drivers are asked for is what the browsers do."""

from pathlib import Path

import pytest

from .drivers import BROWSERS

pytestmark = pytest.mark.needs_browser

PAGE = "data:text/html,<p id=text>plain</p><script>text.textContent = 'scripted'</script>"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
@pytest.mark.parametrize("name", sorted(BROWSERS))
def test_scripts_run_only_where_they_should(name: str, scripts: bool, tmp_path: Path) -> None:
    """Without scripts, no browser runs those of a page: a form that works then works by itself."""
    with BROWSERS[name](tmp_path, scripts=scripts) as driver:
        driver.goto(PAGE)
        assert driver.text("#text") == ("scripted" if scripts else "plain")
