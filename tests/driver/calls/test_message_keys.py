"""The digest of a message: the same in every process, version and environment, if the program sends the same."""

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import TurnSettings
from rayconteur.runtime.driver.calls.message_keys import checked_key, message_key

HI = "be34bc539ac9359dd16ad25baaa955b1cdf12b4d73c4a7c9f25a80b608eba281"
RICH = "1d2612593eeac18f47c1055a05ae4344a6c2652550eb1921710547a84bc4297b"
IMAGE = rc.Image(data=b"abc", media_type="image/png")


def digest(message: rc.ToLLM) -> str:
    key = message_key("k", message)
    assert key
    return key.digest.hex()


def test_it_never_changes() -> None:
    assert digest(rc.UserMessage.of("hi")) == HI
    for metadata in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}):
        assert digest(rc.UserMessage(content=(rc.Text("hi"), IMAGE), metadata=metadata)) == RICH


def test_another_message_has_another_one() -> None:
    assert digest(rc.UserMessage.of("ho")) != HI
    assert digest(rc.UserMessage(content=(rc.Text("hi"),), correlation_id="c")) != HI


def test_keys_of_providers_are_no_part_of_it() -> None:
    """They may have been replaced when the message is sent again."""

    def asked_with(api_key: str | None) -> rc.UserMessage:
        settings = TurnSettings(provider=rc.Anthropic(model="claude", api_key=api_key))
        return rc.UserMessage(content=(rc.Text("hi"),), settings=settings)

    assert digest(asked_with("one")) == digest(asked_with("two")) == digest(asked_with(None)) != HI


@rc.tool
def look(at: str) -> str:
    """Look at something."""
    return at


def test_functions_count_by_what_the_model_is_told_of_them() -> None:
    with_tool = rc.UserMessage(content=(rc.Text("hi"),), settings=TurnSettings(tools=(look,)))

    assert digest(with_tool) == digest(with_tool) != HI


@pytest.mark.parametrize("key", ["", "k" * 201, 7])
def test_a_key_is_a_short_string(key: object) -> None:
    with pytest.raises(InvalidConfig, match="give a string of 1 to 200 characters"):
        checked_key(key)


def test_a_message_that_can_not_be_sent_is_named() -> None:
    with pytest.raises(InvalidConfig, match=r"message\.content\[0\]"):
        message_key("k", rc.UserMessage.of("\ud800"))
