"""The site builds without a warning, and every link within it leads somewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.kit import ROOT
from tests.kit.pages import DOCS, built_site

pytestmark = pytest.mark.needs_tools


class _Page(HTMLParser):
    """The ids and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names and where it leads."""
        fields = dict(attrs)
        self.ids.update(filter(None, [fields.get("id")]))
        self.links.update(filter(None, [fields.get("href"), fields.get("src")]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    return built_site(tmp_path_factory.mktemp("site"))


def test_the_site_builds_without_a_warning(site: Path) -> None:
    """`sphinx-build -W` ends well, and each page of `docs` is a page of the site."""
    assert (site / "index.html").exists()


def test_every_internal_link_leads_somewhere(site: Path) -> None:
    """Each link to a page, a file or a heading of the site leads to one."""
    parsed = {file: _Page(file.read_text()) for file in site.rglob("*.html")}
    broken = []
    for file, page in parsed.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            path, _, anchor = link.partition("#")
            target = (file.parent / path.partition("?")[0]).resolve() if path else file
            is_there = target.exists() and (
                not anchor or target not in parsed or anchor in parsed[target].ids
            )
            if not is_there and file.name not in ("search.html", "genindex.html"):
                broken.append(f"{file.relative_to(site)}: {link}")
    assert broken == []


def test_no_page_needs_another_host(site: Path) -> None:
    """Styles, scripts and drawings come from the site itself."""
    for file in site.rglob("*.html"):
        assert not re.search(r'(?:src|<link[^>]+href)="(?:https?:)?//', file.read_text()), file


def test_each_drawing_has_an_alternative_text(site: Path) -> None:
    """Each drawing is on a page of the site, with a title and a text that says what it shows."""
    text = "".join(file.read_text() for file in site.rglob("*.html"))
    for source in (DOCS / "drawings").glob("*.txt"):
        alt = re.search(rf'<desc id="{source.stem}-alt">([^<]+)</desc>', text)
        assert alt, source
        assert len(alt[1]) > 80, source


def test_the_host_builds_what_the_test_builds() -> None:
    """The configuration for the host names the extra, the folder and warnings as errors."""
    config = (ROOT / ".readthedocs.yaml").read_text()
    for line in ("configuration: docs/conf.py", "fail_on_warning: true", "[docs]"):
        assert line in config
