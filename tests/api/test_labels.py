"""The labels of a session: what is accepted, and how large they may be."""

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import Labels


def test_they_are_part_of_a_sessions_config_and_of_a_change() -> None:
    labels = Labels(owner="poe", tags=["verse", "raven", "verse"])  # type: ignore[arg-type]

    assert labels.tags == ("verse", "raven")
    assert rc.SessionConfig(provider=rc.Scripted(), labels=labels).labels == labels
    assert rc.Configure(labels=labels).labels == labels


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"owner": "x" * 201}, "labels.owner"),
        ({"owner": "a\0b"}, "labels.owner"),
        ({"owner": "*"}, "stands for every owner"),
        ({"owner": None}, "labels.owner"),
        ({"tags": ("",)}, r"labels.tags\[0\]"),
        ({"tags": tuple(map(str, range(51)))}, "labels.tags"),
        ({"tags": "verse"}, "labels.tags"),
        ({"metadata": {"stanza": 2}}, "labels.metadata"),
        ({"metadata": {"text": "x" * (16 << 10)}}, "the limit is 16,384"),
        ({"title": "\ud800"}, "labels.title"),
    ],
)
def test_what_they_may_not_be_is_named(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidConfig, match=problem):
        Labels(**fields)  # type: ignore[arg-type]
