"""Tokens where nobody reported any."""

BYTES_PER_TOKEN = 4
"""About what English text and JSON come to with today's tokenizers."""


def tokens_in(size_bytes: int) -> int:
    """An estimate of the tokens in *size_bytes* of UTF-8 text or JSON."""
    return -(-size_bytes // BYTES_PER_TOKEN)
