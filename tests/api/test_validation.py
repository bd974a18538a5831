"""Validation of structs made in Python: the message names the field, and says what to give."""

from typing import Any, cast

import msgspec
import pytest

from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.errors import InvalidConfig, UnknownProvider
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.messages import Configure, ToolResults, UserMessage
from rayconteur.runtime.api.options import validated_session_id
from rayconteur.runtime.api.placement import Dedicated, Packed
from rayconteur.runtime.api.settings.policies import Limits
from rayconteur.runtime.api.validation import (
    encode_for_transfer,
    invalid_config,
    validated_provider,
    validated_struct,
)

LONE_SURROGATE = "\ud800"


def test_a_valid_struct_is_returned() -> None:
    config = SessionConfig(provider=Scripted(), system="be brief")

    assert validated_struct(config, (SessionConfig,), "config") == config


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (SessionConfig(provider=Scripted(), system=LONE_SURROGATE), r"config\.system"),
    ],
)
def test_an_invalid_field_is_named(config: SessionConfig, field: str) -> None:
    with pytest.raises(InvalidConfig, match=field):
        validated_struct(config, (SessionConfig,), "config")


def test_a_struct_of_another_type_is_rejected_with_those_that_are_accepted() -> None:
    with pytest.raises(InvalidConfig, match="placement: give a Dedicated or Packed, not a Limits"):
        validated_struct(cast(Any, Limits()), (Dedicated, Packed), "placement")


def test_the_part_of_a_message_that_cannot_be_encoded_is_named() -> None:
    results = ToolResults(results=(ToolResult("a"), ToolResult("b", content=(Text(LONE_SURROGATE),))))

    with pytest.raises(InvalidConfig, match=r"message\.results\[1\]\.content\[0\]\.text"):
        encode_for_transfer(results, "message")


def test_settings_that_are_not_given_are_not_blamed_for_one_that_cannot_be_encoded() -> None:
    with pytest.raises(InvalidConfig, match=r"message\.system"):
        encode_for_transfer(Configure(system=cast(Any, object())), "message")


def test_an_encoded_message_decodes_to_the_same_message() -> None:
    message = UserMessage.of("hi")

    assert msgspec.msgpack.decode(encode_for_transfer(message, "message"), type=UserMessage) == message


def test_an_error_of_msgspec_becomes_an_invalid_config_that_names_the_field() -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(b'{"kind":"usermessage","content":[{"kind":"text","text":1}]}', type=UserMessage)

    error = invalid_config(raised.value, "message")

    assert str(error) == "message.content[0].text: Expected `str`, got `int`"


def test_the_config_of_a_provider_is_returned() -> None:
    assert validated_provider(OpenAI(model="gpt")) == OpenAI(model="gpt")


def test_anything_else_than_the_config_of_a_provider_is_rejected_with_the_configs() -> None:
    with pytest.raises(UnknownProvider, match=r"a str is not the config of a provider; give one of: .*OpenAI"):
        validated_provider("openai")


@pytest.mark.parametrize("session_id", ["a", "A.b_c:d@e-1", "9" * 128])
def test_a_valid_session_id_is_returned(session_id: str) -> None:
    assert validated_session_id(session_id) == session_id


@pytest.mark.parametrize("session_id", ["", "-a", "a b", "é", "a" * 129, 7, None])
def test_an_invalid_session_id_is_rejected_with_the_rule(session_id: object) -> None:
    with pytest.raises(InvalidConfig, match=r"session_id: .* is not a valid id; use 1 to 128 letters"):
        validated_session_id(session_id)
