"""The documentation site in a browser: light and dark, wide and narrow."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.kit.pages import built_site

pytestmark = [pytest.mark.needs_browser, pytest.mark.needs_tools]

_PAGES = ("index", "tutorial/index", "refused", "how-to/observing", "reference/options")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    return built_site(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 360])
def test_a_page_is_accessible_and_fits(scheme: Any, width: int, chromium: Any, site: Path) -> None:
    """Axe finds nothing, and no page is wider than the screen."""
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    for name in _PAGES:
        page.goto((site / f"{name}.html").as_uri())
        found = Axe().run(page).response["violations"]
        assert [f"{name}: {fault['id']}" for fault in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    context.close()
