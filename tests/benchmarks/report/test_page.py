"""The page: one self-contained file."""

import re
from pathlib import Path
from xml.etree import ElementTree

from builders.bench_results import curve, distribution, result, row, write_result

from rayconteur.benchmarks.report.comparison import compare
from rayconteur.benchmarks.report.folder import write_report
from rayconteur.benchmarks.report.page import page
from rayconteur.benchmarks.report.plots import draw_plots

EVIL = "<script>alert('&')</script>"
FINDINGS = (
    row("events", 2.0, at_least=1),
    row(EVIL, 2.0, at_least=9),
    curve("ours, packed", 10.0, 20.0, 5_000.0),
    curve("langgraph & others", 1.0, 2.0),
    distribution("ours, packed", 1.0, 2.0, 3.0),
)
RESULT = result(*FINDINGS)
PAGE = page(RESULT, draw_plots(FINDINGS))


def elements() -> list[ElementTree.Element]:
    """All elements of the page, which is well-formed XML too."""
    return list(ElementTree.fromstring(PAGE.partition("\n")[2]).iter())


def text_of(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_the_page_is_well_formed_and_its_ids_are_unique() -> None:
    ids = [element.attrib["id"] for element in elements() if "id" in element.attrib]

    assert PAGE.startswith("<!DOCTYPE html>")
    assert len(ids) == len(set(ids))


def test_every_reference_has_its_target_in_the_page() -> None:
    ids = {element.attrib["id"] for element in elements() if "id" in element.attrib}
    links = [value for element in elements() for name, value in element.attrib.items() if name.endswith("href")]

    assert {link for link in links if link.removeprefix("#") not in ids} == set()
    assert set(re.findall(r"url\(#?([^)]*)\)", PAGE)) <= ids


def test_the_page_needs_no_external_resource_and_no_script() -> None:
    tags = {element.tag.rpartition("}")[2] for element in elements()}

    namespaces = re.compile(r'xmlns(:\w+)?="[^"]*"')
    assert tags & {"script", "link", "img", "iframe", "object", "image"} == set()
    assert re.findall(r"https?:|//\w|@import|\bsrc=", namespaces.sub("", PAGE)) == []


def test_the_page_shows_every_row_with_its_verdict_and_every_plot() -> None:
    cells = [[text_of(cell) for cell in element] for element in elements() if element.tag == "tr"]
    svgs = [element for element in elements() if element.tag.endswith("}svg")]

    assert [(line[0], line[-1]) for line in cells if line[-1] in ("yes", "NO")] == [("events", "yes"), (EVIL, "NO")]
    assert [svg.attrib["aria-label"] for svg in svgs] == [
        "Tokens per second: tokens per second over sessions",
        "First token: ms over percentile",
    ]


def test_the_page_has_the_command_to_measure_again_and_the_conditions() -> None:
    codes = [text_of(element) for element in elements() if element.tag == "code"]

    assert codes == ["rayconteur bench --only throughput"]
    assert all(fact in PAGE for fact in ("Abacus, 2 CPUs", "0123456789ab", "ray 2.60.0", "2026-11-21 10:45 UTC"))


def test_the_page_has_a_dark_colour_scheme() -> None:
    assert "prefers-color-scheme: dark" in PAGE
    assert "color-scheme: light dark" in PAGE


def test_changes_come_before_the_benchmarks() -> None:
    old = result(row("events", 8.0, at_least=1), row("gone"))

    shown = page(RESULT, [], compare(old, RESULT))

    assert shown.index("What has changed") < shown.index('<h2 id="throughput">')
    assert '<td class="bad">WORSE</td>' in shown
    assert "<li>throughput: gone, beside calls</li>" in shown


def test_the_report_writes_all_files_into_the_folder_of_the_result(tmp_path: Path) -> None:
    write_result(tmp_path, RESULT)

    text = write_report(tmp_path, result(row("events", 8.0, at_least=1)))

    assert {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.*")} == {
        "findings.jsonl",
        "table.md",
        "page.html",
        "comparison.md",
        "plots/throughput-tokens-per-second.svg",
        "plots/throughput-tokens-per-second.png",
        "plots/throughput-first-token.svg",
        "plots/throughput-first-token.png",
    }
    assert "WORSE" in text
    assert str(tmp_path / "page.html") in text
