"""The load server, asked by the vendors' SDKs, by our own clients, and through bare sockets."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import anthropic
import httpx2
import msgspec
import openai
import psutil
import pytest
from fixtures.clients import collect_deltas

import rayconteur as rc
from rayconteur.benchmarks.load.answers import (
    ANTHROPIC,
    APIS,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    Api,
    answer_bytes,
    answer_text,
)
from rayconteur.benchmarks.load.pace import Pace
from rayconteur.benchmarks.load.process import LoadProcess, load_process, load_server
from rayconteur.benchmarks.readers.runtime_client import provider_config
from rayconteur.errors import Overloaded, ProviderUnavailable, RateLimited
from rayconteur.providers import Delta, Request, Role, Settings, TextDelta, ToolInputDelta, open_client

PACED = Pace(tokens_per_s=500, first_token_s=0.05)
TOOL = rc.Tool(name="find", input_schema={"type": "object"})
CALLED = '{"place": "the roof of the old mill", "how_often": 3}'
END = b"\r\n0\r\n\r\n"
both = pytest.mark.parametrize("api", [ANTHROPIC, OPENAI_CHAT], ids=lambda api: api.name)


@pytest.fixture(scope="module")
def at_once() -> Iterator[LoadProcess]:
    with load_process() as server:
        yield server


@pytest.fixture(scope="module")
def paced() -> Iterator[LoadProcess]:
    with load_process(PACED) as server:
        yield server


@pytest.fixture(scope="module")
def refusing() -> Iterator[LoadProcess]:
    with load_process(Pace(overloaded_share=0.5, limited_share=0.5)) as server:
        yield server


def anthropic_at(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)


def openai_at(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def answer_by_sdk(api: Api, url: str, tokens: int) -> str:
    """The text that the vendor's SDK reads."""
    if api == ANTHROPIC:
        with (
            anthropic_at(url) as client,
            client.messages.stream(
                model="any", max_tokens=tokens, messages=[{"role": "user", "content": "Hi"}]
            ) as answer,
        ):
            return answer.get_final_text()
    with openai_at(url) as other:
        chunks = other.chat.completions.create(
            model="any", max_tokens=tokens, messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def answer_by_ours(api: Api, url: str, tokens: int, *later: rc.Message) -> str:
    """What our client reads: text, or the input of a tool call. *later* messages follow the first question."""
    question = rc.Message(role=Role.USER, content=(rc.Text("Hi"),), turn=1)
    tools = (TOOL,) if api in (ANTHROPIC, OPENAI_CHAT) else ()
    request = Request(number=1, messages=(question, *later), settings=Settings(max_output_tokens=tokens, tools=tools))

    async def read_answer() -> str:
        client = open_client(provider_config(api, url))
        try:
            return "".join(map(piece, await collect_deltas(client, request)))
        finally:
            await client.aclose()

    return asyncio.run(read_answer())


def piece(delta: Delta) -> str:
    """The text or tool input of *delta*."""
    match delta:
        case TextDelta(text=text) | ToolInputDelta(json=text):
            return text
        case _:
            return ""


def ask(url: str, tokens: int, path: str = ANTHROPIC.path) -> socket.socket:
    """A connection with a request for *tokens* tokens."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    connection.sendall(request_bytes(tokens, path))
    return connection


def request_bytes(tokens: int, path: str = ANTHROPIC.path) -> bytes:
    """A request for *tokens* tokens that every API understands."""
    limit = {"max_output_tokens": tokens} if path == OPENAI_RESPONSES.path else {"max_tokens": tokens}
    body = json.dumps(
        {**limit, "generationConfig": {"maxOutputTokens": tokens}, "inferenceConfig": {"maxTokens": tokens}}
    )
    return f"POST {path} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def read(connection: socket.socket, size: int) -> bytearray:
    """Up to *size* received bytes."""
    received = bytearray()
    while len(received) < size and (data := connection.recv(min(1 << 20, size - len(received)))):
        received += data
    return received


@both
@pytest.mark.parametrize("tokens", [1, 89, 1_500])
def test_an_sdk_reads_the_complete_text(api: Api, tokens: int, at_once: LoadProcess) -> None:
    assert answer_by_sdk(api, at_once.url, tokens) == answer_text(api, tokens)


@both
def test_our_client_reads_the_complete_text(api: Api, at_once: LoadProcess) -> None:
    assert answer_by_ours(api, at_once.url, 500) == answer_text(api, 500)


@both
def test_a_paced_answer_is_complete_and_never_early(api: Api, paced: LoadProcess) -> None:
    started_at = time.monotonic()
    answer = answer_by_ours(api, paced.url, 101)
    spent_s = time.monotonic() - started_at

    assert answer == answer_text(api, 101)
    assert 0.05 + 100 / 500 <= spent_s < 2  # a generous bound: other tests run at the same time


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_an_answer_has_the_calculated_length(api: Api, at_once: LoadProcess) -> None:
    with ask(at_once.url, 200, api.path) as connection:
        assert read(connection, answer_bytes(api, 200)).endswith(END)

        connection.sendall(b"GET /nothing HTTP/1.1\r\n\r\n")
        assert read(connection, 12) == b"HTTP/1.1 404"


def test_pipelined_requests_are_answered_in_order(paced: LoadProcess) -> None:
    with ask(paced.url, 5) as connection:
        connection.sendall(request_bytes(7))

        first, second = (read(connection, answer_bytes(ANTHROPIC, tokens)) for tokens in (5, 7))

    assert first.count(ANTHROPIC.text_mark) == 5
    assert second.count(ANTHROPIC.text_mark) == 7


def test_the_same_seed_gives_the_same_answers() -> None:
    pace = Pace(limited_share=0.2, overloaded_share=0.2, cut_share=0.2, tokens=20, tokens_spread=0.7, seed=7)

    def load(pace: Pace) -> list[tuple[bytes, int]]:
        """The status and the number of deltas of 15 requests."""
        with load_server(pace) as url:
            return [outcome(url) for _ in range(15)]

    assert load(pace) == load(pace)
    assert load(pace) != load(msgspec.structs.replace(pace, seed=8))


def outcome(url: str) -> tuple[bytes, int]:
    """The status of an answer, and the number of its deltas."""
    came = bytearray()
    with ask(url, 1_000) as connection:
        while not came.endswith(END if came.startswith(b"HTTP/1.1 200") else b"}") and (
            data := connection.recv(1 << 16)
        ):
            came += data
    return bytes(came[9:12]), came.count(ANTHROPIC.text_mark)


def test_a_client_that_does_not_read_costs_no_memory_delays_nobody_and_loses_nothing(at_once: LoadProcess) -> None:
    tokens = 400_000
    size = answer_bytes(ANTHROPIC, tokens)
    process = psutil.Process(at_once.pid)
    before_bytes = process.memory_info().rss

    with ask(at_once.url, tokens) as silent:
        for _ in range(3):
            assert answer_by_sdk(ANTHROPIC, at_once.url, 500) == answer_text(ANTHROPIC, 500)
        grown_bytes = process.memory_info().rss - before_bytes

        assert size > 50_000_000
        assert grown_bytes < 10_000_000
        assert len(read(silent, size)) == size


@both
def test_a_tool_is_called_until_its_result_has_been_sent(api: Api) -> None:
    with load_server(Pace(tool_share=1.0, tokens_per_s=2_000)) as url:
        called = answer_by_ours(api, url, 50)
        use = rc.Message(role=Role.ASSISTANT, content=(rc.ToolUse("a", "find", {}),), turn=1)
        result = rc.Message(role=Role.USER, content=(rc.ToolResult("a", (rc.Text("A raven"),)),), turn=1)
        answered = answer_by_ours(api, url, 50, use, result)

    assert called.replace(" ", "") == CALLED.replace(" ", "")
    assert answered == answer_text(api, 50)


def test_so_many_tool_calls_as_its_pace_says_follow_each_other_in_each_turn() -> None:
    def step(number: int) -> tuple[rc.Message, rc.Message]:
        use = rc.ToolUse(str(number), "find", {})
        result = rc.ToolResult(str(number), (rc.Text("A raven"),))
        return (
            rc.Message(role=Role.ASSISTANT, content=(use,), turn=1),
            rc.Message(role=Role.USER, content=(result,), turn=1),
        )

    steps = (*step(1), *step(2))
    text = rc.Message(role=Role.ASSISTANT, content=(rc.Text("Seen."),), turn=1)
    question = rc.Message(role=Role.USER, content=(rc.Text("And now?"),), turn=2)
    with load_server(Pace(tool_share=1.0, tool_steps=2)) as url:
        after = [
            answer_by_ours(ANTHROPIC, url, 5, *later)
            for later in (steps[:2], steps, (*steps, text, question), (*steps, text, question, *step(3)))
        ]

    called = CALLED.replace(" ", "")
    assert [each.replace(" ", "") == called for each in after] == [True, False, True, True]


def test_the_sdks_read_tool_calls_with_unique_ids() -> None:
    with load_server(Pace(tool_share=1.0)) as url, anthropic_at(url) as theirs, openai_at(url) as others:
        uses = [called_tool(theirs) for _ in range(2)]
        with others.chat.completions.stream(
            model="any",
            messages=[{"role": "user", "content": "Hi"}],
            tools=[{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}],
        ) as stream:
            choice = stream.get_final_completion().choices[0]

    assert [use.name for use in uses] == ["find", "find"]
    assert uses[0].id != uses[1].id
    assert choice.finish_reason == "tool_calls"
    assert [call.function.name for call in choice.message.tool_calls or []] == ["find"]


def called_tool(client: anthropic.Anthropic) -> anthropic.types.ToolUseBlock:
    """The tool call that the SDK reads."""
    with client.messages.stream(
        model="any",
        max_tokens=50,
        messages=[{"role": "user", "content": "Hi"}],
        tools=[{"name": "find", "input_schema": {"type": "object"}}],
    ) as answer:
        [block] = answer.get_final_message().content
    assert isinstance(block, anthropic.types.ToolUseBlock)
    return block


def test_sdks_and_our_client_recognize_an_overloaded_provider() -> None:
    with load_server(Pace(overloaded_share=1.0)) as url:
        with pytest.raises(anthropic.InternalServerError) as theirs:
            answer_by_sdk(ANTHROPIC, url, 10)
        with pytest.raises(openai.InternalServerError) as others:
            answer_by_sdk(OPENAI_CHAT, url, 10)
        with pytest.raises(Overloaded):
            answer_by_ours(ANTHROPIC, url, 10)

    assert (theirs.value.status_code, others.value.status_code) == (529, 503)


@both
def test_a_rate_limited_client_gets_the_time_to_wait(api: Api) -> None:
    with load_server(Pace(limited_share=1.0, retry_after_s=7.0)) as url:
        with pytest.raises((anthropic.RateLimitError, openai.RateLimitError)):
            answer_by_sdk(api, url, 10)
        with pytest.raises(RateLimited) as ours:
            answer_by_ours(api, url, 10)

    assert ours.value.retry_after_s == 7.0


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_our_clients_recognize_the_refusals_of_every_provider(api: Api, refusing: LoadProcess) -> None:
    with pytest.raises((Overloaded, ProviderUnavailable, RateLimited)) as error:
        answer_by_ours(api, refusing.url, 10)

    assert any(words in str(error.value) for words in ("verloaded", "Rate limit reached"))


@both
def test_a_cut_answer_raises_an_error(api: Api) -> None:
    with load_server(Pace(cut_share=1.0, tokens_per_s=1_000)) as url:
        with pytest.raises((httpx2.RemoteProtocolError, openai.APIConnectionError)):
            answer_by_sdk(api, url, 20)
        with pytest.raises(ProviderUnavailable):
            answer_by_ours(api, url, 20)


def test_an_invalid_pace_starts_no_server(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="tool_share"), load_server(Pace(tool_share=2.0)):
        pass

    assert "tool_share" in capfd.readouterr().err
