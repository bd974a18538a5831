"""What is known of a model: its limits, its prices, and what it can do."""

from typing import Annotated

import msgspec
from msgspec import Meta

Tokens = Annotated[int, Meta(gt=0)]
USD = Annotated[float, Meta(ge=0)]


class Prices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """USD for a million tokens, for requests of *from_input_tokens* or more. ``None`` is not known.

    *input* is for tokens that no cache took part in.
    """

    input: USD | None = None
    output: USD | None = None
    cache_read: USD | None = None
    cache_write: USD | None = None
    from_input_tokens: Annotated[int, Meta(ge=0)] = 0


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's facts. ``None`` is not known: then nothing is refused, and the provider judges.

    *prices* are in the order of their ``from_input_tokens``; a request has those of the last that it reaches.
    """

    context_limit_tokens: Tokens | None = None
    output_limit_tokens: Tokens | None = None
    prices: tuple[Prices, ...] = ()
    takes_images: bool | None = None
    takes_documents: bool | None = None
    uses_tools: bool | None = None
    thinks: bool | None = None
    fits_schemas: bool | None = None

    def or_else(self, other: "ModelFacts") -> "ModelFacts":
        """These facts, with *other*'s where they say nothing."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value not in (None, ())}
        return msgspec.structs.replace(other, **given)
