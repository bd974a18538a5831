"""The pure core of the quota broker: all accounts, and the hosts whose requests they admit."""

from collections.abc import Iterable

from ...api.quotas.rules import Quotas
from .account import Account
from .messages import Admissions, Ask, Grant, Running, Update, Wait


class Broker:
    """Takes what hosts report, and says what they may send. See ``Account`` for *share* and *is_new*."""

    def __init__(self, quotas: Quotas, share: float = 1.0, is_new: bool = True) -> None:
        self._quotas = quotas
        self._share = share
        self._is_new = is_new
        self._accounts: dict[str, Account] = {}
        self._hosts: dict[str, dict[int, Account]] = {}  # the accounts of what they have asked, by its number
        self._due: set[Account] = set()
        self._waits: dict[str, list[Wait]] = {}

    @property
    def hosts(self) -> int:
        """How many hosts there are."""
        return len(self._hosts)

    @property
    def accounts(self) -> Iterable[Account]:
        """The accounts that requests go to."""
        return self._accounts.values()

    def update(self, host: str, update: Update, now: float) -> None:
        """*host* reports *update*."""
        if update.running is not None:
            self._register(host, update.running, now)
        numbers = self._hosts.setdefault(host, {})
        for end in update.ends:
            if account := self._account_of(numbers, end.number):
                account.settle((host, end.number), end, now)
        for number, tokens in update.outputs:
            if account := self._account_of(numbers, number):
                account.add_output((host, number), tokens)
        for number, limits in update.limits:
            if account := self._account_of(numbers, number):
                account.learn((host, number), limits, now)
        for number in update.withdrawn:
            if account := self._account_of(numbers, number):
                account.withdraw((host, number))
        for ask in update.asks:
            self._ask(host, numbers, ask, now)
        self._forget_ended(host, numbers, [*(end.number for end in update.ends), *update.withdrawn])
        self._explain(host, numbers, update.asking, now)

    def forget(self, host: str) -> None:
        """*host* is gone, with all that it has asked."""
        for account in set(self._hosts.pop(host, {}).values()):
            account.forget(host)
            self._due.add(account)
        self._waits.pop(host, None)

    def dispatch(self, now: float) -> dict[str, Admissions]:
        """What is admitted now, and what waits, by host."""
        grants: dict[str, list[Grant]] = {}
        due = self._due | {each for each in self._accounts.values() if each.wake_at is not None and each.wake_at <= now}
        self._due = set()
        for account in due:
            for host, grant in account.dispatch(now):
                grants.setdefault(host, []).append(grant)
        waits, self._waits = self._waits, {}
        return {
            host: Admissions(grants.get(host, []), waits.get(host, []), self.hosts) for host in grants.keys() | waits
        }

    @property
    def wake_at(self) -> float | None:
        """When ``dispatch`` may admit something, if nothing is reported before."""
        return min((at for each in self._accounts.values() if (at := each.wake_at) is not None), default=None)

    def _register(self, host: str, running: Iterable[Running], now: float) -> None:
        self.forget(host)
        numbers = self._hosts[host] = {}
        for each in running:
            account = numbers[each.ask.number] = self._account(each.ask.lane.account)
            account.register(host, [each], now)

    def _ask(self, host: str, numbers: dict[int, Account], ask: Ask, now: float) -> None:
        account = numbers[ask.number] = self._account(ask.lane.account)
        account.ask(host, ask, now)
        self._due.add(account)

    def _account(self, name: str) -> Account:
        if (account := self._accounts.get(name)) is None:
            account = self._accounts[name] = Account(self._quotas, self._share, self._is_new)
        return account

    def _account_of(self, numbers: dict[int, Account], number: int) -> Account | None:
        account = numbers.get(number)
        if account:
            self._due.add(account)
        return account

    def _forget_ended(self, host: str, numbers: dict[int, Account], ended: Iterable[int]) -> None:
        for number in ended:
            if (account := numbers.get(number)) and (host, number) not in account:
                del numbers[number]

    def _explain(self, host: str, numbers: dict[int, Account], asking: Iterable[int], now: float) -> None:
        for number in asking:
            if (account := numbers.get(number)) and (wait := account.explain((host, number), now)):
                self._waits.setdefault(host, []).append(wait)
