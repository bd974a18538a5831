"""Retention: what the rules of an owner say is deleted, and nothing else, in virtual time."""

import asyncio
from collections.abc import Collection, Iterable, Mapping

import pytest
from fixtures.virtual_time import run

from rayconteur.errors import DirectoryUnreachable, InvalidConfig
from rayconteur.runtime import Labels, MemoryJournalConfig, NoJournal, Retention
from rayconteur.runtime.api.catalog.retention import RETENTION
from rayconteur.runtime.api.options import RuntimeOptions
from rayconteur.runtime.journal.catalog.expiry import delete_idle
from rayconteur.runtime.journal.catalog.retention import SWEEP_S, RetentionSweeper
from rayconteur.runtime.journal.catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from rayconteur.runtime.journal.conformance.samples import entry
from rayconteur.runtime.journal.entry import SessionKey
from rayconteur.runtime.journal.journal import PAGE_ENTRIES
from rayconteur.runtime.journal.memory import MemoryJournal

NOW = 1_800_000_000.0
DAY_S = 86_400.0


class Kept:
    """A journal with sessions of some owners: the first of each is the latest, the others are a day older each."""

    def __init__(self, *running: str) -> None:
        self.journal = MemoryJournal()
        self.running = dict.fromkeys(running, 1)
        self.asked: list[str] = []
        self.is_away = False

    async def add(self, owner: str, count: int, messages: int = 10, closed_days: Collection[int] = ()) -> None:
        for days in range(count):
            session, at = SessionKey(f"{owner}{days}", 1), NOW - days * DAY_S
            await self.journal.append([entry(session, at=at)])
            row = CatalogRow(session, 1, at, days in closed_days, owner, messages=messages)
            await self.journal.put_catalog([CatalogChange(row)])

    async def running_ids(self, session_ids: list[str]) -> Mapping[str, int]:
        self.asked += session_ids
        if self.is_away:
            raise DirectoryUnreachable("away")
        return {each: epoch for each, epoch in self.running.items() if each in session_ids}

    def sweeper(self, *rules: Retention) -> RetentionSweeper:
        return RetentionSweeper(self.journal, rules, self.running_ids, lambda: NOW)

    async def ids(self) -> list[str]:
        assert {position.session for position in await self.journal.sessions()} == {
            row.session for row in await self.journal.catalog()
        }
        return sorted(position.session.id for position in await self.journal.sessions())


def names(owner: str, days: Iterable[int]) -> list[str]:
    return [f"{owner}{day}" for day in days]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (Retention(owner="a", max_age_s=1.5 * DAY_S), 2),
        (Retention(owner="a", max_sessions=3), 3),
        (Retention(owner="a", max_messages=20), 2),
        (Retention(owner="a", max_messages=5), 1),  # the last one stays, however long it is
        (Retention(owner="a", max_sessions=4, max_age_s=0.5 * DAY_S), 1),
        (Retention(owner="a", max_sessions=99, max_age_s=99 * DAY_S, max_messages=999), 5),
    ],
)
def test_the_latest_sessions_of_an_owner_are_kept_within_each_limit(rule: Retention, left: int) -> None:
    async def main() -> None:
        kept = Kept()
        await kept.add("a", 5)
        await kept.add("b", 5)

        assert await kept.sweeper(rule).sweep() == 5 - left

        assert await kept.ids() == [*names("a", range(left)), *names("b", range(5))]

    run(main())


def test_a_rule_for_every_owner_leaves_those_with_their_own_and_sessions_of_none() -> None:
    async def main() -> None:
        kept = Kept()
        for owner in ("", "a", "b", "c"):
            await kept.add(owner, 4)

        await kept.sweeper(Retention(owner="*", max_sessions=1), Retention(owner="b", max_sessions=2)).sweep()
        assert await kept.ids() == [*names("", range(4)), "a0", "b0", "b1", "c0"]

        await kept.sweeper(Retention(owner="", max_sessions=3)).sweep()
        assert await kept.ids() == [*names("", range(3)), "a0", "b0", "b1", "c0"]

    run(main())


def test_a_rule_for_closed_sessions_neither_counts_nor_deletes_others() -> None:
    async def main() -> None:
        kept = Kept()
        for owner in ("a", "b"):
            await kept.add(owner, 6, closed_days=(1, 3, 5))

        rules = (
            Retention(owner="*", max_sessions=1, closed_only=True),
            Retention(owner="b", max_sessions=2, closed_only=True),
            Retention(owner="a", max_age_s=3.5 * DAY_S),
        )
        assert await kept.sweeper(*rules).sweep() == 2 + 1 + 1

        assert await kept.ids() == [*names("a", (0, 1, 2)), *names("b", (0, 1, 2, 3, 4))]

    run(main())


def test_what_nobody_has_named_keeps_sessions_for_a_month_and_closed_ones_for_a_week() -> None:
    async def main() -> None:
        kept = Kept("a39")
        for owner in ("", "a"):
            await kept.add(owner, 40, closed_days=range(5, 20))

        await kept.sweeper(*RETENTION).sweep()

        left = [*range(8), *range(20, 31)]
        assert await kept.ids() == sorted([*names("", left), *names("a", left), "a39"])

    run(main())


def test_without_rules_nothing_is_deleted() -> None:
    async def main() -> None:
        kept = Kept()
        await kept.add("a", 4)

        assert await kept.sweeper().sweep() == 0
        assert len(await kept.ids()) == 4

    run(main())


def test_a_session_that_runs_is_not_deleted_whatever_the_rules_say() -> None:
    async def main() -> None:
        kept = Kept("a3")
        await kept.add("a", 5)

        await kept.sweeper(Retention(owner="a", max_sessions=1)).sweep()

        assert await kept.ids() == ["a0", "a3"]

    run(main())


def test_a_session_that_goes_on_while_it_is_looked_at_is_not_deleted() -> None:
    """Its process has claimed it after the directory was asked, and takes it over before it is deleted."""

    async def main() -> None:
        kept = Kept()
        await kept.add("a", 2)

        async def nobody_yet(session_ids: list[str]) -> Mapping[str, int]:
            await kept.journal.take_over(SessionKey("a1", 1), 2)
            return {}

        sessions = [SessionKey("a0", 1), SessionKey("a1", 1), SessionKey("unknown", 1)]
        assert await delete_idle(kept.journal, sessions, nobody_yet) == sessions[:1]
        assert [position.session.id for position in await kept.journal.sessions()] == ["a1"]

    run(main())


def test_a_session_whose_row_is_out_of_date_is_not_taken_for_an_old_one() -> None:
    async def main() -> None:
        kept = Kept()
        await kept.add("a", 3)
        await kept.journal.append([entry(SessionKey("a2", 1), 2, at=NOW)])

        await kept.sweeper(Retention(owner="a", max_age_s=0.5 * DAY_S)).sweep()

        assert await kept.ids() == ["a0", "a2"]

    run(main())


def test_the_rules_are_applied_again_and_again_and_a_failure_ends_nothing() -> None:
    async def main() -> None:
        kept = Kept()
        kept.is_away = True
        sweeping = asyncio.create_task(kept.sweeper(Retention(owner="a", max_sessions=1)).run())
        await kept.add("a", 3)
        await asyncio.sleep(1)
        assert kept.asked
        kept.is_away = False

        for count in (3, 5):
            await kept.add("a", count)
            await asyncio.sleep(SWEEP_S + 1)
            assert await kept.ids() == ["a0"]
        sweeping.cancel()

    run(main())


def test_each_call_is_followed_by_a_pause_nine_times_as_long() -> None:
    class SlowJournal(MemoryJournal):
        async def catalog(
            self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
        ) -> list[CatalogRow]:
            await asyncio.sleep(1)
            return await super().catalog(selected, before, limit)

    async def main() -> None:
        kept = Kept()
        kept.journal = SlowJournal()
        await kept.add("a", 1)
        started_s = asyncio.get_running_loop().time()

        await kept.sweeper(Retention(owner="a", max_sessions=1)).sweep()

        assert asyncio.get_running_loop().time() - started_s == pytest.approx(20, rel=0.01)  # two pages

    run(main())


def test_rules_that_limit_nothing_contradict_each_other_or_have_no_journal_are_refused() -> None:
    with pytest.raises(InvalidConfig, match="limits nothing"):
        Retention(owner="*")
    with pytest.raises(InvalidConfig, match="max_sessions"):
        Retention(owner="a", max_sessions=0)
    rule = Retention(owner="a", max_sessions=1)
    with pytest.raises(InvalidConfig, match="two rules for the owner 'a'"):
        RuntimeOptions(journal=MemoryJournalConfig(), retention=(rule, rule))
    with pytest.raises(InvalidConfig, match="leave out NoJournal"):
        RuntimeOptions(journal=NoJournal(), retention=(rule,))
    with pytest.raises(InvalidConfig, match="every owner"):
        Labels(owner="*")
