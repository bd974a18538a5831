"""The queue serves tenants, and their sessions, the same number of tokens, and starves nobody."""

from collections import Counter

from checkers.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rayconteur.runtime.governance.quotas.fair_queue import FairQueue, Verdict


class Item:
    def __init__(self, tenant: str, session: str, weight: float) -> None:
        self.tenant, self.session, self.weight = tenant, session, weight


def served_tokens(waiting: list[Item], budget: float) -> Counter[tuple[str, str]]:
    """What each session is served of *budget*, one request at a time, if each always has some like *waiting*."""
    queue: FairQueue[Item] = FairQueue()
    for item in waiting:
        queue.put(item)
        queue.put(Item(item.tenant, item.session, item.weight))
    served: Counter[tuple[str, str]] = Counter()
    while served.total() < budget:
        taken: list[Item] = []

        def offer(item: Item, taken: list[Item] = taken) -> Verdict:
            if taken:
                return Verdict.ALL_WAIT
            taken.append(item)
            return Verdict.SERVED

        queue.serve(offer)
        served[taken[0].tenant, taken[0].session] += int(taken[0].weight)
        queue.put(taken[0])
    return served


def test_tenants_share_tokens_alike_however_many_sessions_each_has() -> None:
    flood = [Item("flood", f"f{number}", 100.0) for number in range(200)]
    quiet = [Item("quiet", "q", 100.0)]

    served = served_tokens([*flood, *quiet], 100_000)

    assert 0.45 <= served["quiet", "q"] / served.total() <= 0.55


def test_sessions_share_tokens_alike_however_large_their_requests_are() -> None:
    served = served_tokens([Item("a", "large", 10_000.0), *(Item("a", f"s{n}", 100.0) for n in range(9))], 600_000)

    shares = [tokens / served.total() for tokens in served.values()]
    assert len(shares) == 10
    assert all(0.08 <= share <= 0.12 for share in shares)


@settings(max_examples=examples(25, 1_000), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(50, 500)),
        min_size=1,
        max_size=12,
        unique_by=lambda each: each[:2],
    )
)
def test_no_tenant_gets_more_than_its_share_and_one_request(sessions: list[tuple[str, str, int]]) -> None:
    items = [Item(tenant, session, float(weight)) for tenant, session, weight in sessions]
    largest = max(weight for _, _, weight in sessions)

    served = served_tokens(items, 50 * largest)

    of_tenants = Counter[str]()
    for (tenant, _), tokens in served.items():
        of_tenants[tenant] += tokens
    fair = served.total() / len(of_tenants)
    assert len(of_tenants) == len({tenant for tenant, _, _ in sessions})
    assert all(abs(tokens - fair) <= 4 * largest for tokens in of_tenants.values())


def test_a_tenant_that_has_to_wait_holds_up_no_other() -> None:
    queue: FairQueue[Item] = FairQueue()
    items = [Item("slow", "s", 10.0), Item("slow", "t", 10.0), Item("fast", "f", 10.0)]
    for item in items:
        queue.put(item)
    offered: list[str] = []

    def offer(item: Item) -> Verdict:
        offered.append(item.session)
        return Verdict.TENANT_WAITS if item.tenant == "slow" else Verdict.SERVED

    queue.serve(offer)

    assert offered == ["s", "f"]
    assert queue.items() == items[:2]


def test_a_session_that_has_to_wait_holds_up_no_other_of_its_tenant() -> None:
    queue: FairQueue[Item] = FairQueue()
    items = [Item("a", "s", 10.0), Item("a", "t", 10.0), Item("a", "s", 10.0)]
    for item in items:
        queue.put(item)

    queue.serve(lambda item: Verdict.SESSION_WAITS if item.session == "s" else Verdict.SERVED)

    assert queue.items() == [items[0], items[2]]


def test_what_is_next_when_everything_waits_is_the_first_the_next_time() -> None:
    queue: FairQueue[Item] = FairQueue()
    items = [Item("a", "s", 500.0), Item("b", "t", 1.0)]
    for item in items:
        queue.put(item)
    offered: list[Item] = []

    def offer(item: Item) -> Verdict:
        offered.append(item)
        return Verdict.ALL_WAIT

    for _ in range(5):
        queue.serve(offer)

    assert offered == [items[0]] * 5


@settings(max_examples=examples(50, 1_000), deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 1_000)), max_size=40))
def test_items_of_a_session_are_served_in_their_order_and_each_once(asked: list[tuple[str, str, int]]) -> None:
    queue: FairQueue[Item] = FairQueue()
    items = [Item(tenant, session, float(weight)) for tenant, session, weight in asked]
    for item in items:
        queue.put(item)
    served: list[Item] = []

    def offer(item: Item) -> Verdict:
        served.append(item)
        return Verdict.SERVED

    queue.serve(offer)

    assert len(served) == len(items) == len(set(served))
    for session in {(item.tenant, item.session) for item in items}:
        assert [each for each in served if (each.tenant, each.session) == session] == [
            each for each in items if (each.tenant, each.session) == session
        ]
    assert not len(queue)


def test_what_was_used_beyond_the_weight_is_charged() -> None:
    queue: FairQueue[Item] = FairQueue()
    items = [Item("a", "s", 10.0), Item("b", "t", 10.0), Item("a", "s", 10.0), Item("b", "t", 10.0)]
    for item in items:
        queue.put(item)
    order: list[str] = []

    def offer(item: Item) -> Verdict:
        if len(order) in (1, 4):
            queue.charge("a", "s", 1_000.0)
        order.append(item.tenant)
        return Verdict.SERVED

    queue.serve(offer)

    assert order == ["a", "b", "b", "a"]
