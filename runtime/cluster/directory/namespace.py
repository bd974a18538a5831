"""What the programs of a namespace have to agree on: the first one decides."""

import msgspec

from ...api.errors import IncompatibleNamespace
from ...api.journal import NoJournal
from ...api.quotas.rules import Quotas
from ..journal.place import JournalPlace
from .package_version import require_same_version


class Given(msgspec.Struct, frozen=True):
    """The *journal* and the *quotas* that a program gives, each if it does."""

    journal: JournalPlace | NoJournal | None = None
    quotas: Quotas | None = None


class Namespace(msgspec.Struct, frozen=True):
    """The namespace *name*, with so many *routers*, and its *journal* and its *quotas* if it has them."""

    name: str
    routers: int
    journal: JournalPlace | None
    quotas: Quotas | None = None

    def admit(self, version: str, given: Given) -> None:
        """Check the *version* of a program, and that what it gives is the same. If it gives none, it uses this.

        Raises:
            IncompatibleNamespace: one of them is another; the message names both, without secrets.
        """
        require_same_version(version)
        self._admit_journal(given.journal)
        if given.quotas not in (None, self.quotas):
            raise IncompatibleNamespace(
                f"the namespace {self.name!r} was started with {self.quotas or 'no quotas'}, and this program gives "
                f"{given.quotas}; give none to use those, use another namespace, or end that one with "
                "'rayconteur shutdown --namespace'"
            )

    def _admit_journal(self, given: JournalPlace | NoJournal | None) -> None:
        known = self.journal or NoJournal()
        if given is None or str(given) == str(known):  # a password may have changed
            return
        if self.journal is None:
            raise IncompatibleNamespace(
                f"the namespace {self.name!r} was started without a journal, and this program gives {given}; "
                "use another namespace, or end that one with 'rayconteur shutdown --namespace'"
            )
        raise IncompatibleNamespace(
            f"the namespace {self.name!r} has its journal in {self.journal}, and this program gives {given}; "
            "give none to use that one, or use another namespace"
        )
