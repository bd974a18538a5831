"""The pace of a load server, as a value and as arguments of its command line."""

import argparse
from typing import Annotated, Self

import msgspec
from msgspec import Meta

_Share = Annotated[float, Meta(ge=0, le=1)]
_Spread = Annotated[float, Meta(ge=0)]
_Time = Annotated[float, Meta(ge=0)]
_Rate = Annotated[float, Meta(gt=0, description="text deltas per second; all at once if not given")]
_Length = Annotated[int, Meta(ge=1, description="mean length of an answer; the request's limit if not given")]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of a load server and their speed. The default: all that is requested, at once, without errors.

    A spread makes a value follow a gamma distribution, which is never negative: the mean stays, and the standard
    deviation divided by the mean is the spread (1 is the exponential distribution). What happens to a request depends
    only on *seed* and its number, so that the same requests in the same order get the same answers.

    Raises:
        ValueError: the shares of failing answers add up to more than 1.
    """

    tokens_per_s: _Rate | None = None
    gap_spread: Annotated[_Spread, Meta(description="spread of the gaps between the deltas of an answer")] = 0.0
    first_token_s: Annotated[_Time, Meta(description="silence before the first delta")] = 0.0
    first_token_spread: Annotated[_Spread, Meta(description="spread of that silence from answer to answer")] = 0.0
    tokens: _Length | None = None
    tokens_spread: Annotated[_Spread, Meta(description="spread of the lengths; none exceeds the request's limit")] = 0.0
    tool_share: Annotated[_Share, Meta(description="share of tool calls among requests with tools")] = 0.0
    tool_steps: Annotated[int, Meta(ge=1, description="tool calls that follow each other, before there is text")] = 1
    overloaded_share: Annotated[_Share, Meta(description="share of requests refused with 529 or 503")] = 0.0
    limited_share: Annotated[_Share, Meta(description="share of requests refused with 429")] = 0.0
    retry_after_s: Annotated[_Time, Meta(description="the wait that a 429 asks for")] = 1.0
    cut_share: Annotated[_Share, Meta(description="share of answers whose connection is closed in the middle")] = 0.0
    seed: Annotated[int, Meta(description="seed of the random numbers")] = 0

    def __post_init__(self) -> None:
        if self.overloaded_share + self.limited_share + self.cut_share > 1:
            raise ValueError("the shares of refused and cut answers add up to more than 1")

    def arguments(self) -> list[str]:
        """The pace as arguments of the load server."""
        fields = msgspec.structs.asdict(self).items()
        return [f"--{name.replace('_', '-')}={value}" for name, value in fields if value is not None]

    @classmethod
    def from_arguments(cls, parsed: argparse.Namespace) -> Self:
        """The pace that a parser with ``add_pace_arguments`` has parsed.

        Raises:
            msgspec.ValidationError: a value is out of range.
        """
        fields = {name: value for name in cls.__struct_fields__ if (value := getattr(parsed, name)) is not None}
        return msgspec.convert(fields, cls, strict=False)


def add_pace_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an argument to *parser* for each field of a pace."""
    for field in msgspec.structs.fields(Pace):
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(flag, metavar="N", help=_description(field))


def _description(field: msgspec.structs.FieldInfo) -> str:
    schema = msgspec.json.schema(field.type)
    return str(
        schema.get("description") or next(kind["description"] for kind in schema["anyOf"] if "description" in kind)
    )
