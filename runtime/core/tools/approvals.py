"""Which tool uses need somebody's approval, and what earlier approvals allow."""

from hashlib import sha256
from typing import Any

import msgspec

from ....providers.schema.content import ToolUse
from ....providers.schema.tools import Approval, Tool
from ...api.config import SessionConfig
from ...api.messages import Approve
from ...api.tools.approval_policy import ApprovalPolicy

MAX_GRANTS = 1_000
"""So many grants are kept: the oldest one is dropped for another."""


class Grant(msgspec.Struct, frozen=True):
    """Later uses of a *tool* need no approval: those with an input of this hash, or any; until a time in Unix seconds.

    An input may be large, and grants last: so a session keeps none for them.
    """

    tool: str
    input_hash: bytes | None = None
    until: float | None = None

    def covers(self, other: "Grant") -> bool:
        """True if this allows everything that *other* does, and as long."""
        lasts = self.until is None or (other.until is not None and other.until <= self.until)
        return lasts and self.tool == other.tool and self.input_hash in (None, other.input_hash)


def is_granted(use: ToolUse, grants: tuple[Grant, ...], at: float) -> bool:
    """True if one of *grants* allows *use* at that time."""
    valid = [each for each in grants if each.tool == use.name and (each.until is None or at < each.until)]
    hashes = {each.input_hash for each in valid}
    return None in hashes or (bool(hashes) and _hash(use.input) in hashes)


def needs_approval(use: ToolUse, config: SessionConfig, grants: tuple[Grant, ...], at: float) -> bool | None:
    """True if *use* has to be approved before it runs; ``None`` if the session's own function has to say so."""
    tools = (tool for tool in config.tools if isinstance(tool, Tool) and tool.name == use.name)
    own = next((tool.approve for tool in tools), None)
    approval = config.approve if own is None else own
    if approval is Approval.NEVER or is_granted(use, grants, at):
        return False
    return None if isinstance(approval, ApprovalPolicy) else True


def with_grants(grants: tuple[Grant, ...], message: Approve, uses: tuple[ToolUse, ...], at: float) -> tuple[Grant, ...]:
    """*grants*, and those that *message*, which approves *uses*, adds; without those that have expired."""
    if message.grant == "use":
        return grants
    until = None if message.grant_s is None else at + message.grant_s
    given = [Grant(use.name, _hash(use.input) if message.grant == "arguments" else None, until) for use in uses]
    kept = [grant for grant in grants if (grant.until is None or at < grant.until)]
    for new in given:
        kept = [grant for grant in kept if not new.covers(grant)]
        kept.append(new)
    return tuple(kept[-MAX_GRANTS:])


def _hash(tool_input: dict[str, Any]) -> bytes:
    """The hash of *tool_input* as JSON, in which 1, 1.0 and true differ, as they do for a tool."""
    return sha256(msgspec.json.encode(tool_input, order="deterministic")).digest()
