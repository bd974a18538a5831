"""The pace: what load a server makes, as a value and as words on its command line."""

import argparse
from typing import Annotated, Self

import msgspec
from msgspec import Meta

_Share = Annotated[float, Meta(ge=0, le=1)]
_Spread = Annotated[float, Meta(ge=0)]
_Time = Annotated[float, Meta(ge=0)]
_Rate = Annotated[float, Meta(gt=0, description="text deltas in a second; all at once if not given")]
_Length = Annotated[int, Meta(ge=1, description="mean length of an answer; its limit is its length if not given")]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What answers come, and how fast. By itself: all of what is asked for, at once, and nothing goes wrong.

    What is spread follows a gamma distribution, which is never negative: its mean is what it is without a spread, and
    its standard deviation, divided by the mean, is the spread (1 is the exponential distribution). What befalls a
    request depends on *seed* and on its number alone, so that the same requests in the same order meet the same load.

    Raises:
        ValueError: more answers would go wrong than there are.
    """

    tokens_per_s: _Rate | None = None
    gap_spread: Annotated[_Spread, Meta(description="spread of the gaps between the deltas of an answer")] = 0.0
    first_token_s: Annotated[_Time, Meta(description="silence before the first delta")] = 0.0
    first_token_spread: Annotated[_Spread, Meta(description="spread of that silence from answer to answer")] = 0.0
    tokens: _Length | None = None
    tokens_spread: Annotated[_Spread, Meta(description="spread of the lengths; none is above its limit")] = 0.0
    tool_share: Annotated[_Share, Meta(description="share of tool calls where tools may be called")] = 0.0
    overloaded_share: Annotated[_Share, Meta(description="share of requests refused with 529 or 503")] = 0.0
    limited_share: Annotated[_Share, Meta(description="share of requests refused with 429")] = 0.0
    retry_after_s: Annotated[_Time, Meta(description="what those refused with 429 are told to wait")] = 1.0
    cut_share: Annotated[_Share, Meta(description="share of answers whose connection breaks in the middle")] = 0.0
    seed: Annotated[int, Meta(description="of all that is left to chance")] = 0

    def __post_init__(self) -> None:
        if self.overloaded_share + self.limited_share + self.cut_share > 1:
            raise ValueError("more answers would go wrong than there are")

    def words(self) -> list[str]:
        """The same on a load server's command line."""
        given = msgspec.structs.asdict(self).items()
        return [f"--{name.replace('_', '-')}={value}" for name, value in given if value is not None]

    @classmethod
    def read(cls, given: argparse.Namespace) -> Self:
        """What a parser found that ``add_flags`` was called for.

        Raises:
            msgspec.ValidationError: a value that does not fit.
        """
        words = {name: value for name in cls.__struct_fields__ if (value := getattr(given, name)) is not None}
        return msgspec.convert(words, cls, strict=False)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Let *parser* take a pace, a flag for each field."""
    for field in msgspec.structs.fields(Pace):
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(flag, metavar="N", help=_meaning(field))


def _meaning(field: msgspec.structs.FieldInfo) -> str:
    schema = msgspec.json.schema(field.type)
    return str(
        schema.get("description") or next(kind["description"] for kind in schema["anyOf"] if "description" in kind)
    )
