"""Numbers in answers."""

from typing import Annotated

from msgspec import Meta

WholeNumber = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A whole number that every reader of JSON keeps (RFC 8259, 6), and MessagePack, which events and records are."""

TokenNumber = Annotated[int, Meta(ge=0, le=2**53)]
"""A number of tokens."""

NonNegativeFloat = Annotated[float, Meta(ge=0, le=2**53)]
"""The same from a provider that counts in floats."""
