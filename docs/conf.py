"""Configures the documentation site: `sphinx-build -W docs docs/_build`."""

import sys
from pathlib import Path

_FOLDER = Path(__file__).parent
sys.path[:0] = [str(_FOLDER), str(_FOLDER.parent)]

import generate  # noqa: E402 (docs/generate.py)
from generate import as_restructured_text  # noqa: E402

from jwt_middleware import __version__  # noqa: E402

generate.write_pages()

project = "wsgi-jwt-middleware"
author = "the authors of wsgi-jwt-middleware"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build", "_generated"]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
# Colors with a contrast of 4.5 or more on both backgrounds (WCAG 2.2, criterion 1.4.3).
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0a4b9c",
        "color-brand-content": "#0a4b9c",
        "color-foreground-muted": "#565b63",
        "color-api-keyword": "#565b63",
    },
    "dark_css_variables": {"color-brand-primary": "#8ab8ff", "color-brand-content": "#8ab8ff"},
}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

default_role = "code"  # docstrings write `name` for code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "inherited-members": False}
python_display_short_literal_types = True


# The keyboard must reach what scrolls (WCAG 2.2, criterion 2.1.1), and landmarks of one kind need
# names. The theme gives them neither.
_ACCESSIBLE = (
    ("<pre>", '<pre tabindex="0">'),
    ("<pre id=", '<pre tabindex="0" id='),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="Pages">'),
    ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
)


def finish(app, error):
    """Make the built pages accessible. A page that was not built again has nothing to replace."""
    for file in Path(app.outdir).rglob("*.html") if error is None else ():
        text = file.read_text()
        for old, new in _ACCESSIBLE:
            text = text.replace(old, new)
        file.write_text(text)


def setup(app):
    """Let Sphinx read docstrings, which are written in Markdown, and finish the pages."""
    app.connect("autodoc-process-docstring", as_restructured_text)
    app.connect("build-finished", finish)
