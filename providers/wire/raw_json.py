"""JSON that is kept as it came."""

import msgspec

from ..transport.faults import malformed_answer


def validated_json(provider: str, raw: bytes) -> bytes:
    """*raw*, which goes back to *provider* some day: so all of it is looked at.

    msgspec does not look at what it passes over, and any bytes may stand there.

    Raises:
        ProtocolError: it is no JSON to its end.
    """
    try:
        msgspec.json.decode(raw)
    except (ValueError, RecursionError) as problem:
        raise malformed_answer(provider, problem, raw) from None
    return raw
