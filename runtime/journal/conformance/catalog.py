"""What the catalog of every journal must do."""

import sys

from ..catalog.rows import CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import SessionKey
from ..errors import SearchUnsupported
from ..journal import PAGE_ENTRIES, Journal
from .samples import A, B, Check, OpenJournal, entry, error_of, opened, put, row

C = SessionKey("c", 1)


async def the_latest_sessions_are_listed_first_in_pages(open_journal: OpenJournal) -> None:
    """By time, then by id and epoch, also where many have the same time. Every field comes back as it was."""
    async with opened(open_journal) as journal:
        at, tags, details = 1_700_000_000.123456, ("raven", "'\"%"), bytes(range(256))
        full = CatalogRow(A, 7, at, True, "poe", "été", tags, 1 << 40, details)
        alike = [row(SessionKey(session_id, epoch), 5.0) for session_id in ("x", "é") for epoch in (1, 2, 10)]
        rows = [row(B, 1.0), *alike, full]
        await put(journal, *reversed(rows[:4]), *rows[4:])

        assert await journal.catalog() == list(reversed(rows))
        first = await journal.catalog(limit=3)
        rest = await journal.catalog(before=first[-1].place)
        assert [*first, *rest] == list(reversed(rows))
        assert await journal.catalog(before=CatalogPlace(5.0)) == rows[:1]
        assert await journal.catalog(before=CatalogPlace(5.0, SessionKey("z", 1)), limit=1) == [rows[3]]
        assert await journal.catalog(before=rows[0].place) == []


async def sessions_are_selected_by_owner_project_tag_and_state(open_journal: OpenJournal) -> None:
    """Those that have all that is given. They are counted the same way."""
    async with opened(open_journal) as journal:
        rows = [
            row(SessionKey(f"{number:02}", 1), number, 1, **_labels(number)) for number in range(40)
        ]  # with each combination of labels
        await put(journal, *rows)

        for selected in _FILTERS:
            wanted = [each for each in reversed(rows) if selected.has(each)]
            assert await journal.catalog(selected) == wanted, selected
            assert await journal.count(selected) == len(wanted), selected
            paged = await _in_pages(journal, selected, 3)
            assert paged == wanted, selected
        assert await journal.count() == len(rows)


async def a_later_row_replaces_the_one_before_it(open_journal: OpenJournal) -> None:
    """Its labels, too. One of an earlier record is ignored, and one of a session that is not stored."""
    async with opened(open_journal) as journal:
        await put(journal, row(A, 1.0, 1, owner="old", project="p", tags=("one", "two")), row(B, 2.0))
        new = row(A, 3.0, 2, owner="new", tags=("two",), is_closed=True)

        await journal.put_catalog([CatalogChange(new), CatalogChange(row(C, 9.0))])
        await journal.put_catalog([CatalogChange(row(A, 8.0, 1, owner="late", tags=("late",)))])

        assert await journal.catalog() == [new, row(B, 2.0)]
        assert await journal.catalog_rows([C, A]) == [new]
        assert await journal.catalog(CatalogFilter(tag="two")) == [new]
        assert await journal.owners() == ["new"]
        for owner, project, tag in (("old", None, None), (None, "p", None), (None, None, "one"), (None, None, "late")):
            assert await journal.catalog(CatalogFilter(owner, project, tag)) == []
        same = row(A, 4.0, 2, owner="new")  # of the same record: a call that is repeated
        await journal.put_catalog([CatalogChange(same)])
        assert await journal.catalog_rows([A]) == [same]


async def the_owners_are_listed_in_order_and_in_pages(open_journal: OpenJournal) -> None:
    """Each once, and only those that have sessions."""
    async with opened(open_journal) as journal:
        names = ["b", "a", "b", "é", "", "Z"]
        await put(journal, *(row(SessionKey(str(number), 1), owner=name) for number, name in enumerate(names)))

        assert await journal.owners() == ["Z", "a", "b", "é"]
        assert await journal.owners(after="a", limit=1) == ["b"]
        await journal.delete(SessionKey("0", 1))
        assert await journal.owners() == ["Z", "a", "b", "é"]
        await journal.delete(SessionKey("2", 1))
        assert await journal.owners() == ["Z", "a", "é"]


async def a_call_takes_and_returns_many_rows(open_journal: OpenJournal) -> None:
    """At most ``PAGE_ENTRIES`` if it is not told how many; none is no error."""
    async with opened(open_journal) as journal:
        rows = [row(SessionKey(f"{number:04}", 1), 7.0, owner="poe") for number in range(PAGE_ENTRIES + 5)]
        await journal.put_catalog([])
        await put(journal, *rows)

        assert await journal.catalog() == list(reversed(rows))[:PAGE_ENTRIES]
        assert await journal.catalog(CatalogFilter(owner="poe"), limit=sys.maxsize) == list(reversed(rows))
        assert await journal.catalog_rows([]) == []
        found = await journal.catalog_rows([each.session for each in rows])
        assert sorted(found, key=lambda each: each.session) == rows


async def words_are_refused_by_a_journal_that_is_not_searchable(open_journal: OpenJournal) -> None:
    """It takes them, and forgets them."""
    async with opened(open_journal) as journal:
        await journal.append([entry(A)])
        await journal.put_catalog([CatalogChange(row(A), {1: "raven"})])

        for call in (journal.catalog(CatalogFilter(words=("raven",))), journal.count(CatalogFilter(words=("raven",)))):
            assert isinstance(await error_of(call), SearchUnsupported)
        assert await journal.catalog() == [row(A)]


async def sessions_are_found_by_the_words_of_one_turn(open_journal: OpenJournal) -> None:
    """All of them. Those of a turn are replaced, and nothing that is special elsewhere is special in them."""
    async with opened(open_journal) as journal:
        await journal.append([entry(key) for key in (A, B)])
        await journal.put_catalog(
            [
                CatalogChange(row(A, 1.0, owner="poe"), {0: "title", 1: "once upon a midnight", 2: "raven and or not"}),
                CatalogChange(row(B, 2.0), {1: "midnight été 東京 42 near"}),
            ]
        )

        assert await _found(journal, "midnight") == [B, A]
        assert await _found(journal, "midnight", owner="poe") == [A]
        assert await _found(journal, "upon", "midnight") == [A]
        assert await _found(journal, "midnight", "raven") == []
        assert await _found(journal, "and", "or", "not") == await _found(journal, "title") == [A]
        for word in ("été", "東京", "42", "near"):
            assert await _found(journal, word) == [B]
        assert await _found(journal, "mid") == await _found(journal, "ete") == []
        assert await journal.count(CatalogFilter(words=("midnight",))) == 2
        page = await journal.catalog(CatalogFilter(words=("midnight",)), before=row(B, 2.0).place)
        assert [each.session for each in page] == [A]


async def the_words_of_a_turn_are_replaced_and_go_with_the_session(open_journal: OpenJournal) -> None:
    """Those of an earlier row are ignored, as it is."""
    async with opened(open_journal) as journal:
        await journal.append([entry(key) for key in (A, B)])
        words = {1: "once upon", 2: "a midnight", 3: "dreary"}
        await journal.put_catalog([CatalogChange(row(key, number=2), words) for key in (A, B)])

        await journal.put_catalog([CatalogChange(row(A, number=3), {1: "raven", 2: ""})])
        await journal.put_catalog([CatalogChange(row(A, number=1), {3: "late"})])
        assert await _found(journal, "raven") == [A]
        assert await _found(journal, "once") == await _found(journal, "midnight") == [B]
        assert await _found(journal, "dreary") == [B, A]
        await journal.put_catalog([CatalogChange(row(A, number=4), {2: "lenore"}, replaces=True)])
        assert await _found(journal, "lenore") == [A]
        assert await _found(journal, "raven") == []
        assert await _found(journal, "dreary") == [B]
        await journal.delete(B)
        await put(journal, row(C))  # which may get the place that B had
        assert await _found(journal, "dreary") == []


_FILTERS = [
    CatalogFilter(owner, project, tag, is_closed)
    for owner in (None, "poe", "", "nobody")
    for project in (None, "verse")
    for tag in (None, "raven", "rare")
    for is_closed in (None, True, False)
]


def _labels(number: int) -> dict[str, object]:
    return {
        "owner": ("poe", "")[number % 2],
        "project": ("verse", "")[number // 2 % 2],
        "tags": ("raven", *(("rare",) if number % 10 == 0 else ())) if number // 4 % 2 else (),
        "is_closed": number // 8 % 2 == 0,
    }


async def _in_pages(journal: Journal, selected: CatalogFilter, limit: int) -> list[CatalogRow]:
    rows: list[CatalogRow] = []
    while page := await journal.catalog(selected, rows[-1].place if rows else None, limit):
        rows += page
    return rows


async def _found(journal: Journal, *words: str, owner: str | None = None) -> list[SessionKey]:
    return [each.session for each in await journal.catalog(CatalogFilter(owner, words=words))]


ALL: tuple[Check, ...] = (
    the_latest_sessions_are_listed_first_in_pages,
    sessions_are_selected_by_owner_project_tag_and_state,
    a_later_row_replaces_the_one_before_it,
    the_owners_are_listed_in_order_and_in_pages,
    a_call_takes_and_returns_many_rows,
)

OF_SEARCHABLE_ONES: tuple[Check, ...] = (
    sessions_are_found_by_the_words_of_one_turn,
    the_words_of_a_turn_are_replaced_and_go_with_the_session,
)
