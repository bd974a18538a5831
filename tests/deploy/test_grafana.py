"""The Grafana dashboard shows every metric and no other, by labels that it has, in the form of Ray's own dashboards."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import ray.dashboard

from rayconteur.runtime.cluster.metrics.exporter import NAMESPACE
from rayconteur.runtime.metrics.catalog import METRICS
from rayconteur.runtime.metrics.counts import exported_labels, served_names

SERVED = {
    served: {*labels, NAMESPACE}
    for metric in METRICS.values()
    for served, labels in zip(served_names(metric), exported_labels(metric).values(), strict=True)
}
"""The names that Prometheus has, and their labels."""

_METRIC = re.compile(r"ray_rayconteur_\w+")
_SELECTED = re.compile(r"(ray_rayconteur_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"by \(([^)]*)\) \((?:rate|increase)?\(?(ray_rayconteur_\w+)")


@pytest.fixture(scope="module")
def dashboard(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "deploy/grafana/rayconteur_grafana_dashboard.json").read_text()))


@pytest.fixture(scope="module")
def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something: not the headings of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_it_shows_every_metric_and_no_other(expressions: list[str]) -> None:
    used = set(_METRIC.findall(" ".join(expressions)))

    assert used - set(SERVED) == set()
    assert {name for name, metric in METRICS.items() if not used & set(served_names(metric))} == set()


def test_it_selects_and_groups_by_labels_that_the_metrics_have(expressions: list[str]) -> None:
    unknown = [
        (metric, label)
        for expression in expressions
        for metric, label in [
            *(
                (metric, each.partition("=")[0])
                for metric, given in _SELECTED.findall(expression)
                for each in given.split(",")
            ),
            *((metric, each) for given, metric in _GROUPED.findall(expression) for each in given.split(", ")),
        ]
        if label not in SERVED[metric]
    ]

    assert unknown == []
    assert all(_SELECTED.search(expression) for expression in expressions)


def test_legends_name_labels_that_the_query_keeps(dashboard: dict[str, Any]) -> None:
    lost = [
        (target["legendFormat"], target["expr"])
        for panel in panels(dashboard)
        for target in panel["targets"]
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        if label not in ", ".join(re.findall(r"by \(([^)]*)\)", target["expr"])).split(", ")
    ]

    assert lost == []


def test_quantiles_are_of_histograms_and_parentheses_match(expressions: list[str]) -> None:
    for expression in expressions:
        assert expression.count("(") == expression.count(")")
        assert ("histogram_quantile" in expression) == ("_bucket_total" in expression) == ("by (le" in expression)


def test_it_has_the_form_of_rays_own_dashboards(dashboard: dict[str, Any]) -> None:
    folder = Path(ray.dashboard.__file__).parent / "modules/metrics/dashboards"
    bases = [json.loads(file.read_text()) for file in folder.glob("*_base.json")]
    [datasource] = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]

    assert len(bases) >= 5
    assert set.intersection(*map(set, bases)) <= set(dashboard)
    assert dashboard["schemaVersion"] == bases[0]["schemaVersion"]
    assert dashboard["uid"] not in {base.get("uid") for base in bases}
    for base in bases:
        [its] = [each for each in base["templating"]["list"] if each["type"] == "datasource"]
        assert (datasource["name"], datasource["query"]) == (its["name"], its["query"])


def test_its_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]

    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(overlap(one, other) for one, other in combinations(places, 2))


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    apart = [
        one[edge] + one[size] <= other[edge] or other[edge] + other[size] <= one[edge] for edge, size in ("xw", "yh")
    ]
    return not any(apart)
