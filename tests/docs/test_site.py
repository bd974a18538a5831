"""The site of the documentation, built as ``make docs`` does: it needs no other host. ``make docs`` runs this."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="make docs installs it")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a broken link or a page without a place in the navigation ends the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loads = re.compile(r"""<(?:script|img|iframe|source)[^>]*\bsrc="?(https?:)?//|<link[^>]*\bhref="?(https?:)?//""")

    pages = [page.relative_to(site).as_posix() for page in site.rglob("*.html") if loads.search(page.read_text())]

    assert pages == []


def test_the_reference_has_every_public_name(site: Path) -> None:
    import rayconteur as rc

    groups = {"errors", "scripted", "compaction", "providers", "runtime", "blocking"}
    text = (site / "api" / "rayconteur" / "index.html").read_text()
    missing = [name for name in rc.__all__ if name not in groups and f'id="rayconteur.{name}"' not in text]

    for group in groups:
        text = (site / "api" / group / "index.html").read_text()
        names = getattr(rc, group).__all__
        missing += [f"{group}.{name}" for name in names if f'id="rayconteur.{group}.{name}"' not in text]

    assert missing == []
