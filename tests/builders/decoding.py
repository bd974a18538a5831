"""Decoding bodies of answers without HTTP."""

from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.transport.streams.decoder import AnswerDecoder


def decode_body(decoder: AnswerDecoder, body: bytes) -> list[Delta]:
    """The deltas of the answer of which *body* is all.

    Raises:
        ProviderError: the answer failed.
    """
    return [*decoder.feed(body), *decoder.finish()]
