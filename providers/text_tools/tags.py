"""The tags of the protocol, and how text is written into them and read from them."""

import re
from html import unescape
from xml.sax.saxutils import escape

USE, RESULT, PARAMETER = "tool_use", "tool_result", "parameter"

USE_END, PARAMETER_END = f"</{USE}>", f"</{PARAMETER}>"
CDATA, CDATA_END = "<![CDATA[", "]]>"

_ATTRIBUTE = re.compile(r"""\s+([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_IN_ATTRIBUTES = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")


def attribute(value: str) -> str:
    """*value* in quotes, as the value of an attribute."""
    return f'"{escape(value, _IN_ATTRIBUTES)}"'


def attributes(tag: str) -> dict[str, str] | None:
    """The attributes in what follows the name of a tag, or ``None`` if that is something else."""
    found: dict[str, str] = {}
    end = 0
    while match := _ATTRIBUTE.match(tag, end):
        name, double, single = match.groups()
        if name in found:
            return None
        found[name] = decoded(single if double is None else double)
        end = match.end()
    return found if not tag[end:].strip() else None


def decoded(text: str) -> str:
    """*text* with the entities of XML decoded, and no others; what only looks like one stays."""
    return _ENTITY.sub(lambda found: unescape(found[0]), text) if "&" in text else text


def value_text(value: str) -> str:
    """*value* as the text between tags: as it is, or in a CDATA section if it would be read as something else."""
    is_plain = not ("<" in value or "&" in value or value != value.strip())
    return value if is_plain else f"{CDATA}{value.replace(CDATA_END, f']]{CDATA_END}{CDATA}>')}{CDATA_END}"
