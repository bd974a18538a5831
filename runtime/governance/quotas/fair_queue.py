"""What waits, and in which order it is served: deficit round robin over tenants, and over the sessions of each.

M. Shreedhar and G. Varghese, "Efficient Fair Queuing Using Deficit Round Robin", SIGCOMM 1995. The packets are
requests, and their sizes are tokens. As a session has one request at a time, and what it uses is known only at its end,
who has credit is served, and pays afterwards: the variant that Linux calls a deficit, too (surplus round robin).
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    """Something that waits, of a *session* of a *tenant*. Its *weight* is in tokens, and above 0."""

    @property
    def tenant(self) -> str: ...

    @property
    def session(self) -> str: ...

    @property
    def weight(self) -> float: ...


Item = TypeVar("Item", bound=Queued)


class Verdict(Enum):
    """What becomes of an item whose turn it is."""

    SERVED = "served"
    SESSION_WAITS = "session_waits"
    """It waits, and others of its tenant need not."""
    TENANT_WAITS = "tenant_waits"
    """Its whole tenant waits."""
    ALL_WAIT = "all_wait"
    """Everything waits; this item is the next one."""


class _Flow(Generic[Item]):
    """A session with its *items*, or what has *flows*: a tenant with its sessions, or all tenants.

    *size* is the number of items. One without any stays as long as it owes something.
    """

    __slots__ = ("credit", "flows", "has_turn", "items", "size", "turned_down")

    def __init__(self) -> None:
        self.credit = 0.0
        self.size = 0
        self.has_turn = False
        self.turned_down = 0  # in which call of ``FairQueue.serve``, the last time
        self.items: OrderedDict[int, Item] = OrderedDict()  # by their numbers
        self.flows: OrderedDict[str, _Flow[Item]] = OrderedDict()  # the one whose turn it is comes first

    def earn(self, quantum: float) -> None:
        """Get *quantum* of credit. Nobody saves up more than that."""
        self.credit = min(quantum, self.credit + quantum)

    @property
    def is_over(self) -> bool:
        """True if it has nothing, and owes nothing."""
        return not self.size and not self.flows and self.credit >= 0


class FairQueue(Generic[Item]):
    """Items that wait. Those of a session are served in their order.

    A tenant has the same share of the tokens as each other one, however much it puts in, and so has a session within
    its tenant. None waits forever: between two turns of one, each other one that waits has a turn.
    """

    def __init__(self) -> None:
        self._root: _Flow[Item] = _Flow()
        self._quantum = 0.0
        self._numbers: dict[Item, int] = {}
        self._next = 0
        self._calls = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, item: Item) -> bool:
        return item in self._numbers

    def put(self, item: Item) -> None:
        """Add *item* after those of its session."""
        self._next += 1
        self._numbers[item] = self._next
        # Half of the least weight lately: as sessions have one request at a time, a quantum that pays for a whole one
        # would give those with small ones less than their share.
        least = item.weight / 2
        self._quantum = min(least, self._quantum * 1.01) if self._quantum else least
        tenant = self._root.flows.setdefault(item.tenant, _Flow())
        session = tenant.flows.setdefault(item.session, _Flow())
        session.items[self._next] = item
        for flow in (self._root, tenant, session):
            flow.size += 1

    def remove(self, item: Item) -> None:
        """Take *item* out, if it is there."""
        if (number := self._numbers.pop(item, None)) is None:
            return
        tenant = self._root.flows[item.tenant]
        session = tenant.flows[item.session]
        del session.items[number]
        for flow in (self._root, tenant, session):
            flow.size -= 1
        if not self._numbers:  # nobody is held up by anybody: all debts are settled
            self._root.flows.clear()

    def charge(self, tenant: str, session: str, tokens: float) -> None:
        """What was served has used so many *tokens* more than its weight, or fewer."""
        if of_tenant := self._root.flows.get(tenant):
            of_tenant.credit = min(self._quantum, of_tenant.credit - tokens)
            if of_session := of_tenant.flows.get(session):
                of_session.credit = min(self._quantum, of_session.credit - tokens)

    def items(self) -> list[Item]:
        """All that waits."""
        return list(self._numbers)

    def ahead_of(self, item: Item) -> int:
        """About how many items are served before *item*."""
        tenant = self._root.flows[item.tenant]
        rounds = sum(number < self._numbers[item] for number in tenant.flows[item.session].items) + 1
        sessions = sum(flow.size > 0 for flow in tenant.flows.values())
        tenants = sum(flow.size > 0 for flow in self._root.flows.values())
        return min(len(self), rounds * sessions * tenants) - 1

    def serve(self, offer: Callable[[Item], Verdict]) -> None:
        """*offer* items, each when it is its turn, until all that are left have to wait. What is served is taken out.

        Whoever was next when everything had to wait is the first one the next time. What has to wait is not offered
        again meanwhile.
        """
        self._calls += 1
        while self._numbers and self._serve_one(self._root, offer) is Verdict.SERVED:
            pass

    def _serve_one(self, parent: _Flow[Item], offer: Callable[[Item], Verdict]) -> Verdict:
        """Serve the next item of *parent*. If there is none, the verdict says who has to wait."""
        while self._numbers:
            owing, tried = 0, len(parent.flows)
            while tried:
                tried -= 1
                name, flow = next(iter(parent.flows.items()))
                self._begin_turn(flow)
                verdict = Verdict.SESSION_WAITS
                if flow.size and flow.turned_down != self._calls:
                    if flow.credit > 0:
                        verdict = self._serve_from(flow, offer)
                    else:
                        owing += 1
                if verdict is Verdict.ALL_WAIT or (verdict is Verdict.SERVED and flow.credit > 0 and flow.size):
                    return verdict
                self._end_turn(parent, name, flow)
                if verdict in (Verdict.SERVED, Verdict.TENANT_WAITS):
                    return verdict
            if not owing:
                return Verdict.SESSION_WAITS
            self._pass_rounds(parent)
        return Verdict.SESSION_WAITS

    def _serve_from(self, flow: _Flow[Item], offer: Callable[[Item], Verdict]) -> Verdict:
        if flow.flows:
            verdict = self._serve_one(flow, offer)
            if verdict is Verdict.TENANT_WAITS:
                verdict = Verdict.SESSION_WAITS  # others need not wait
        else:
            item = next(iter(flow.items.values()))
            verdict = offer(item)
            if verdict is Verdict.SERVED:
                self._pay(item)
        if verdict in (Verdict.SESSION_WAITS, Verdict.TENANT_WAITS):
            flow.turned_down = self._calls
        return verdict

    def _pay(self, item: Item) -> None:
        tenant = self._root.flows[item.tenant]
        session = tenant.flows[item.session]
        tenant.credit -= item.weight
        session.credit -= item.weight
        self.remove(item)

    def _begin_turn(self, flow: _Flow[Item]) -> None:
        if flow.has_turn:
            return
        flow.has_turn = True
        flow.earn(self._quantum)
        if not flow.size:  # nobody has a turn in it; time passes for them nevertheless
            for name, inner in list(flow.flows.items()):
                inner.earn(self._quantum)
                if inner.is_over:
                    del flow.flows[name]

    def _end_turn(self, parent: _Flow[Item], name: str, flow: _Flow[Item]) -> None:
        flow.has_turn = False
        if parent.flows.get(name) is flow:  # the last item may have taken all flows with it
            if flow.is_over:
                del parent.flows[name]
            else:
                parent.flows.move_to_end(name)

    def _pass_rounds(self, parent: _Flow[Item]) -> None:
        """All that may be served owe something: let as many rounds pass at once as the first of them needs."""
        owing = [flow.credit for flow in parent.flows.values() if flow.size and flow.turned_down != self._calls]
        rounds = math.floor(-max(owing) / self._quantum)
        for flow in parent.flows.values():
            flow.credit = min(self._quantum, flow.credit + rounds * self._quantum)
