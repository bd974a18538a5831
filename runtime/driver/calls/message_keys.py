"""The keys of messages that a program may have to send again."""

import hashlib

import msgspec

from ....providers.registry import ProviderConfig
from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.messages import Configure, MessageKey, ToLLM, UserMessage
from ...api.request_forms import Change
from ...api.settings.changes import TurnSettings, given_settings
from ...api.validation import encode_for_transfer

MAX_KEY_CHARS = 200

_ENCODING_ERRORS = (TypeError, ValueError, OverflowError, RecursionError)


def message_key(key: str | None, message: ToLLM) -> MessageKey | None:
    """*key* with the digest of *message*, as the program gives it.

    Raises:
        InvalidConfig: the message can't be encoded; the part is named.
    """
    if key is None:
        return None
    try:
        data = _encoder.encode(_without_secrets(message))
    except _ENCODING_ERRORS:
        encode_for_transfer(message, "message")
        raise
    return MessageKey(key, hashlib.sha256(data).digest())


def checked_key(key: object) -> str | None:
    """*key*, if it is one, or ``None``.

    Raises:
        InvalidConfig: it is none.
    """
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= MAX_KEY_CHARS):
        raise InvalidConfig("key", f"give a string of 1 to {MAX_KEY_CHARS} characters, not {shown(key)}")
    return key


def _without_secrets(message: ToLLM) -> ToLLM:
    """*message* without keys of providers: they may be others when it is sent again."""
    match message:
        case Configure():
            return _public(message)
        case UserMessage(settings=TurnSettings() as settings):
            return msgspec.structs.replace(message, settings=_public(settings))
        case _:
            return message


def _name(value: object) -> str:
    """What stands for *value*, such as a function, that can't be encoded."""
    return str(getattr(value, "__qualname__", type(value).__qualname__))


# In an order that no version changes. What has its default is left out: a version that adds a field changes nothing.
_encoder = msgspec.json.Encoder(enc_hook=_name, order="sorted")


def _public(change: Change) -> Change:
    if isinstance(change.provider, ProviderConfig):
        change = msgspec.structs.replace(change, provider=change.provider.public())
    if compaction := given_settings(change).get("compaction"):
        change = msgspec.structs.replace(change, compaction=compaction.public())
    return change
