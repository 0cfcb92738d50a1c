"""The README and the pages of `docs/`: their code blocks, and how these are run."""

import re
import runpy
import subprocess
import sys
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.kit import ROOT
from tests.kit.parts import skip

DOCS = ROOT / "docs"
README = ROOT / "README.md"


def pages() -> dict[str, Path]:
    """Every page of the site that is written by hand, by its path below `docs`."""
    found = sorted(file for file in DOCS.rglob("*.md") if file.relative_to(DOCS).parts[0][0] != "_")
    return {str(file.relative_to(DOCS)): file for file in found}


def blocks(file: Path, language: str) -> list[str]:
    """The code blocks of a language in a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", file.read_text(), re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """A page without its code blocks and comments."""
    return re.sub(r"^(```|:::).*?^\1$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL)


def run_snippets(folder: Path, *snippets: str) -> dict[str, Any]:
    """Run snippets one after the other as one file, with no name given; return what they define.

    The folder must be the current one.
    """
    (folder / "app.py").write_text("\n".join(snippets))
    return runpy.run_path("app.py", run_name="app")


@cache
def generator() -> ModuleType:
    """`docs/generate.py`, which needs `docs/drawings.py` beside it."""
    for name in ("drawings", "generate"):
        spec = spec_from_file_location(name, DOCS / f"{name}.py")
        assert spec
        assert spec.loader
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def built_site(folder: Path) -> Path:
    """Build the site below a folder, with warnings as errors; return the folder of its pages."""
    for name in ("sphinx", "furo", "myst_parser", "sphinx_copybutton"):
        if not find_spec(name):
            skip(f"{name} is not installed: pip install -e '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-d"]
    run = subprocess.run(
        [*command, folder / "doctrees", DOCS, folder / "html"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stderr
    return folder / "html"
