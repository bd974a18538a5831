"""Custom tools, whose input is free text. Ours is an object: the text becomes its member ``input``."""

import msgspec

INPUT_START = '{"input":"'
INPUT_END = '"}'


def escape_input(text: str) -> str:
    """*text* as it stands between the quotes of a JSON string."""
    return msgspec.json.encode(text)[1:-1].decode()
