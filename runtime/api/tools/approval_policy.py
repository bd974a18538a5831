"""A session's own function that decides which tool uses need approval."""

from typing import TYPE_CHECKING, cast

import msgspec

from ....providers.schema.checks.shown import short_repr
from ....providers.schema.errors import InvalidConfig
from .function_tool import NeedsApproval


class ApprovalPolicy(msgspec.Struct, frozen=True, tag="policy"):
    """*function*, a ``NeedsApproval``, decides which tool uses of a session need approval.

    ``SessionConfig(approve=function)`` makes it. Once it has been shipped to the session, *function* is its pickle,
    which a journal keeps.

    Raises:
        InvalidConfig: it is no function.
    """

    __repr__ = short_repr

    if TYPE_CHECKING:
        function: NeedsApproval | bytes
    else:
        function: bytes

    def __post_init__(self) -> None:
        function = cast(object, self.function)
        if isinstance(function, type) or not (callable(function) or isinstance(function, bytes)):
            raise InvalidConfig("approve", "give 'always', 'never', or a function that takes a ToolUse")
