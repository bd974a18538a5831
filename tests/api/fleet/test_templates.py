"""Templates: which version a session has to have, and what it has to change for that."""

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import FollowedTemplate, StoredTemplate, TemplateVersion
from rayconteur.runtime.api.fleet.templates import MOST_VERSIONS, TemplateBook
from rayconteur.runtime.api.fleet.where import in_share

FIRST = rc.SessionConfig(provider=rc.Scripted(), system="first", max_steps=3)
SECOND = rc.SessionConfig(provider=rc.Scripted(), system="second", max_steps=4)
RAVEN = StoredTemplate(name="raven", versions=(TemplateVersion(1, 0.0, FIRST),), stable=1)
IDS = [f"s{number}" for number in range(200)]


def following(config: rc.SessionConfig, version: int, *overrides: str, name: str = "raven") -> rc.SessionConfig:
    followed = FollowedTemplate(name=name, version=version, overrides=overrides)
    return msgspec.structs.replace(config, template=followed)


def test_a_session_that_follows_changes_what_differs_from_its_next_turn_on() -> None:
    template = RAVEN.with_version(SECOND, 1.0).used(2, 1.0)

    change = template.change_for("s1", following(FIRST, 1))

    followed = FollowedTemplate(name="raven", version=2)
    assert change == rc.Configure(system="second", max_steps=4, template=followed, next="turn")


def test_what_a_session_overrides_is_left_alone() -> None:
    template = RAVEN.with_version(SECOND, 1.0).used(2, 1.0)
    own = msgspec.structs.replace(following(FIRST, 1, "system"), system="own")

    change = template.change_for("s1", own)

    assert change == rc.Configure(
        max_steps=4, template=FollowedTemplate(name="raven", version=2, overrides=("system",)), next="turn"
    )


@pytest.mark.parametrize("config", [FIRST, following(FIRST, 1), following(FIRST, 0, name="crow")])
def test_others_and_those_that_have_the_version_change_nothing(config: rc.SessionConfig) -> None:
    assert RAVEN.change_for("s1", config) is None


def test_a_canary_is_for_a_share_of_the_sessions_and_can_be_widened_and_undone() -> None:
    def with_canary(template: StoredTemplate) -> set[str]:
        return {each for each in IDS if template.version_for(each).number == 2}

    template = RAVEN.with_version(SECOND, 1.0)
    assert with_canary(template) == set()

    narrow, wide = template.used(2, 0.2), template.used(2, 0.5)
    assert with_canary(narrow) == {each for each in IDS if in_share(each, 0.2)}
    assert with_canary(narrow) < with_canary(wide) < set(IDS)
    assert with_canary(wide.used(1, 1.0)) == set()
    assert with_canary(wide.used(2, 1.0)) == set(IDS)


def test_the_last_versions_are_kept_and_those_in_use() -> None:
    template = RAVEN
    for number in range(2, 2 * MOST_VERSIONS):
        template = template.with_version(msgspec.structs.replace(FIRST, max_steps=number), 0.0)

    assert len(template.versions) == MOST_VERSIONS
    assert [version.number for version in template.versions][:2] == [1, MOST_VERSIONS + 1]
    with pytest.raises(InvalidConfig, match="has no version 2; there are 1, 21"):
        template.used(2, 1.0)


def test_a_book_counts_its_changes_and_names_what_it_has() -> None:
    book = TemplateBook().put(RAVEN)

    assert (book.revision, book.template("raven").revision) == (1, 1)
    assert (book.without("raven").revision, book.without("raven").templates) == (2, {})
    with pytest.raises(InvalidConfig, match="no template 'crow'; there are raven"):
        book.template("crow")


def test_what_is_no_template_is_rejected() -> None:
    with pytest.raises(InvalidConfig, match=r"template\.name"):
        rc.Template("a b")
    with pytest.raises(InvalidConfig, match="give a Configure, not a SessionConfig"):
        rc.Template("raven", FIRST)  # type: ignore[arg-type]
