"""The shared vocabulary: blocks, token counts and errors."""

import pickle
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.schema import errors
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import (
    ConfigError,
    IncompatibleSDK,
    InvalidConfig,
    MissingKey,
    ProviderError,
    RayconteurError,
)
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.usage import NONE_YET, UNAVAILABLE, Count, Provenance, Usage, estimated, reported

BLOCKS: list[Block] = [
    Text(text="Caw"),
    Image(url="https://example.com/raven.png"),
    Document(data=b"%PDF", media_type="application/pdf", name="ravens.pdf"),
    Thinking(text="Shiny", provider="anthropic", signature="s"),
    ToolUse(id="t1", name="fly", input={"INVALID_JSON": "{"}, malformed="{"),
    ToolResult(tool_use_id="t1", content=(Text(text="done"), Image(data=b"x", media_type="image/png")), is_error=True),
    Opaque(provider="anthropic", type="web_search", json=b"{}"),
]


# Blocks


@pytest.mark.parametrize("media", [Image, Document])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"url": ""},
        {"url": "https://example.com", "data": b"x", "media_type": "image/png"},
        {"data": b"x"},
        {"data": b"", "media_type": "image/png"},
    ],
)
def test_media_has_one_source_and_its_bytes_have_a_type(
    media: type[Image | Document], fields: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=media.__name__):
        media(**fields)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_message_survives_json_and_msgpack() -> None:
    message = Message(role=Role.ASSISTANT, content=tuple(BLOCKS), turn=3)

    assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=Message) == message
    assert pickle.loads(pickle.dumps(message)) == message


def test_blocks_stored_by_earlier_versions_can_be_read() -> None:
    stored = (
        b'[{"kind":"text","text":"Caw"},{"kind":"image","url":"https://example.com/raven.png"},'
        b'{"kind":"document","data":"JVBERg==","media_type":"application/pdf","name":"ravens.pdf"},'
        b'{"kind":"thinking","text":"Shiny","provider":"anthropic","signature":"s"},'
        b'{"kind":"tooluse","id":"t1","name":"fly","input":{"INVALID_JSON":"{"},"malformed":"{"},'
        b'{"kind":"toolresult","tool_use_id":"t1","content":[{"kind":"text","text":"done"},'
        b'{"kind":"image","data":"eA==","media_type":"image/png"}],"is_error":true},'
        b'{"kind":"opaque","provider":"anthropic","type":"web_search","json":"e30="}]'
    )

    assert msgspec.json.decode(stored, type=list[Block]) == BLOCKS


# Token counts

counts = st.one_of(
    st.just(UNAVAILABLE), st.builds(reported, st.integers(0, 99)), st.builds(estimated, st.integers(0, 99))
)


def test_a_sum_is_as_trustworthy_as_its_weakest_part() -> None:
    assert reported(2) + reported(3) == reported(5)
    assert reported(2) + estimated(3) == estimated(5)
    assert reported(2) + UNAVAILABLE == Count(tokens=2, provenance=Provenance.UNAVAILABLE)
    assert estimated(2) + UNAVAILABLE == Count(tokens=2, provenance=Provenance.UNAVAILABLE)


def test_unknown_counts_never_become_zero() -> None:
    assert reported(None) == UNAVAILABLE
    assert UNAVAILABLE + UNAVAILABLE == UNAVAILABLE
    assert (NONE_YET + Usage()) == Usage()


def test_an_encoded_usage_has_only_what_is_known_also_one_that_is_a_sum() -> None:
    usage = Usage(input=reported(2))

    assert msgspec.json.encode(usage) == b'{"input":{"tokens":2,"provenance":"reported"}}'
    assert msgspec.json.encode(usage + usage) == b'{"input":{"tokens":4,"provenance":"reported"}}'


@given(counts, counts, counts)
def test_counts_can_be_added_in_any_order(a: Count, b: Count, c: Count) -> None:
    sums = {repr((x + y) + z) for x, y, z in permutations((a, b, c))} | {repr(a + (b + c))}

    assert len(sums) == 1
    assert a + reported(0) == a


@given(st.builds(Usage, input=counts, output=counts, cache_read=counts, cache_write=counts, reasoning=counts))
def test_adding_to_none_yet_changes_nothing(usage: Usage) -> None:
    assert NONE_YET + usage == usage
    assert usage.or_else(Usage()) == usage
    assert Usage().or_else(usage) == usage


def test_or_else_fills_in_only_missing_counts() -> None:
    late = Usage(output=reported(7))

    assert late.or_else(Usage(input=reported(5), output=estimated(6))) == Usage(input=reported(5), output=reported(7))


# Errors


def kinds(error: type[RayconteurError] = RayconteurError) -> list[type[RayconteurError]]:
    """All errors of ``providers/schema/errors.py``, each after its parent."""
    own = [child for child in error.__subclasses__() if child.__module__ == errors.__name__]
    return [error, *(kind for child in own for kind in kinds(child))]


def example(kind: type[RayconteurError]) -> RayconteurError:
    if kind is IncompatibleSDK:
        return IncompatibleSDK("cohere", "raven", "9.0", "7.3", "AttributeError: no feather")
    if issubclass(kind, ProviderError):
        return kind("too much", "anthropic", 429, "rate_limit_error", 2.5)
    fields = {"InvalidConfig": 2, "MissingKey": 3, "MissingExtra": 2, "InvalidPlugin": 3}.get(kind.__name__, 1)
    return kind(*["raven", "feather", "RAVEN_KEY"][:fields])


@pytest.mark.parametrize("kind", kinds())
def test_an_error_survives_pickling_with_all_its_fields(kind: type[RayconteurError]) -> None:
    error = example(kind)

    unpickled = pickle.loads(pickle.dumps(error))

    assert type(unpickled) is kind
    assert unpickled.args == error.args
    assert vars(unpickled) == vars(error)
    assert str(unpickled) == unpickled.message == error.message


def test_each_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in set(kinds())]

    assert len(set(codes)) == len(codes)


def test_the_error_tree_in_the_docstring_is_the_actual_one() -> None:
    drawn = [line.split()[0] for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]

    assert drawn == [kind.__name__ for kind in kinds()] + ["SessionError"]


def test_an_incompatible_sdk_is_caught_as_either_kind_of_error_and_has_the_fields_of_both() -> None:
    error = IncompatibleSDK("google", "google-genai", "4.0", "3.4.0", "AttributeError: no feather")

    assert isinstance(error, ConfigError)
    assert isinstance(error, ProviderError)
    assert (error.provider, error.status, error.retry_after_s, error.retryable) == ("google", None, None, False)


def test_only_transient_errors_are_retryable() -> None:
    retryable = {kind.code for kind in kinds(ProviderError) if issubclass(kind, ProviderError) and kind.retryable}

    assert retryable == {"rate_limited", "overloaded", "unavailable", "incomplete_answer"}


def test_a_message_says_what_to_do() -> None:
    assert str(MissingKey("anthropic", "api_key", "ANTHROPIC_API_KEY")) == (
        "anthropic needs a credential: set ANTHROPIC_API_KEY or give api_key in its config"
    )
    assert str(errors.MissingExtra("azureopenai", "azure")) == (
        "the SDK of azureopenai is not installed: pip install 'rayconteur[azure]'"
    )
    assert str(IncompatibleSDK("google", "google-genai", "4.0", "3.4.0", "AttributeError: no feather")) == (
        "google: this version of rayconteur can't use google-genai 4.0 (AttributeError: no feather); "
        "it is tested with 3.4.0: pip install 'google-genai==3.4.0'"
    )
    assert str(IncompatibleSDK("google", "google-genai", "3.4.0", "3.4.0", "AttributeError: no feather")) == (
        "google: this version of rayconteur can't use google-genai 3.4.0 (AttributeError: no feather). "
        "This is the version tested with, so its files or its dependencies have changed: "
        "pip install --force-reinstall 'google-genai==3.4.0'"
    )
    assert str(InvalidConfig("provider.model", "give the model's name")) == "provider.model: give the model's name"
