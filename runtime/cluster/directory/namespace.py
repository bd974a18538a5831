"""What the programs of a namespace have to agree on: the first one decides."""

import msgspec

from ...api.errors import IncompatibleNamespace
from ..journal.place import JournalPlace
from .package_version import require_same_version


class Namespace(msgspec.Struct, frozen=True):
    """The namespace *name*, with so many *routers*, and its *journal* if it has one."""

    name: str
    routers: int
    journal: JournalPlace | None

    def admit(self, version: str, given: JournalPlace | None) -> None:
        """Check the *version* of a program, and that the journal it gives is this one. If it gives none, it uses this.

        Raises:
            IncompatibleNamespace: one of them is another; the message names both, without secrets.
        """
        require_same_version(version)
        if given is None or str(given) == str(self.journal):  # a password may have changed
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
