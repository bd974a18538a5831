"""The status of a session as text."""

from ...providers.schema.usage import Cost, Count, Provenance
from ...runtime.api.status import SessionStatus
from ..formatting import format_tokens


def format_status(status: SessionStatus) -> str:
    """*status* in a few lines."""
    share = status.context_share
    return "\n".join(
        (
            f"session   {status.id}",
            f"model     {status.model} ({status.provider})",
            f"state     {status.state}; turns {status.turns}, messages {status.messages}, requests {status.requests}",
            f"context   {_format_count(status.context_tokens)} of {status.context_limit_tokens:,} tokens"
            + ("" if share is None else f" ({share:.1%})"),
            f"tokens    {_format_count(status.usage.input)} in, {_format_count(status.usage.output)} out",
            f"cost      {_format_cost(status.usage.cost)}",
        )
    )


def _format_cost(cost: Cost) -> str:
    """*cost*, with its provenance unless the provider reported it."""
    if cost.usd is None:
        return "unknown"
    qualifiers = {Provenance.ESTIMATED: " by list prices", Provenance.UNAVAILABLE: " at least"}
    return f"${cost.usd:,.4f}{qualifiers.get(cost.provenance, '')}"


def _format_count(count: Count) -> str:
    if count.tokens is None:
        return "unknown"
    return format_tokens(count.tokens, count.provenance is Provenance.REPORTED)
