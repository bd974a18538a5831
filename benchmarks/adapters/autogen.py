"""AutoGen: its single-threaded runtime, an agent for each conversation, and a queue for the streamed text."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import anthropic
from anthropic.types import MessageParam, RawMessageStreamEvent
from autogen_core import (
    AgentId,
    AgentInstantiationContext,
    CancellationToken,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    message_handler,
)
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    ModelInfo,
    UserMessage,
)
from autogen_core.tools import FunctionTool
from autogen_ext.models.anthropic import BaseAnthropicChatCompletionClient
from opentelemetry.trace import NoOpTracerProvider

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText
from .placed_tool import PlacedTool
from .sdk import open_sdk
from .tool import DESCRIPTION

_TYPE = "session"
_MODEL = ModelInfo(
    vision=True, function_calling=True, json_output=True, family="claude-4-opus", structured_output=False
)
"""AutoGen 0.7.5 does not know the model."""

_Pieces = asyncio.Queue[str | None]


@dataclass
class _Question:
    content: str


@dataclass
class _Reset:
    pass


class _Messages:
    """The method of the SDK that AutoGen 0.7.5 calls, with a temperature that version 2 of the SDK does not accept."""

    def __init__(self, sdk: anthropic.AsyncAnthropic) -> None:
        self._sdk = sdk

    async def create(
        self,
        *,
        model: str,
        messages: list[MessageParam],
        max_tokens: int,
        temperature: float,
        stream: Literal[True],
        **tools: Any,
    ) -> anthropic.AsyncStream[RawMessageStreamEvent]:
        """Create the message without *temperature*."""
        create: Callable[..., Awaitable[anthropic.AsyncStream[RawMessageStreamEvent]]] = self._sdk.messages.create
        return await create(model=model, messages=messages, max_tokens=max_tokens, stream=stream, **tools)


@dataclass
class _Client:
    messages: _Messages


class _Session(RoutedAgent):
    """Puts each piece of an answer into the queue at its key's index in *queues*, as of when it is asked."""

    def __init__(self, model: ChatCompletionClient, queues: list[_Pieces], tools: Sequence[FunctionTool] = ()) -> None:
        super().__init__("A conversation")
        self._model = model
        self._tools = tools
        self._queues = queues
        self._number = int(AgentInstantiationContext.current_agent_id().key)
        self._context = UnboundedChatCompletionContext()

    @message_handler
    async def answer(self, message: _Question, ctx: MessageContext) -> None:
        """Answer in a task that the token cancels: otherwise it cancels only the wait, and the answer continues."""
        await self._context.add_message(UserMessage(content=message.content, source="user"))
        answering = asyncio.ensure_future(self._stream(self._queues[self._number]))
        ctx.cancellation_token.link_future(answering)
        await answering

    @message_handler
    async def reset(self, message: _Reset, ctx: MessageContext) -> None:
        """Start a new conversation."""
        await self._context.clear()

    async def _stream(self, pieces: _Pieces) -> None:
        answering = True
        while answering:
            answering = False
            messages = await self._context.get_messages()
            async for piece in self._model.create_stream(messages, tools=self._tools):
                if isinstance(piece, str):
                    await pieces.put(piece)
                else:
                    answering = await self._add(piece)

    async def _add(self, answer: CreateResult) -> bool:
        """Add *answer* to the conversation, and the results of the tools that it uses. Returns true if there are any.

        As AutoGen's documentation does it: https://microsoft.github.io/autogen/stable/user-guide/core-user-guide.
        """
        await self._context.add_message(AssistantMessage(content=answer.content, source=_TYPE))
        if isinstance(answer.content, str):
            return False
        results: list[FunctionExecutionResult] = []
        for call in answer.content:
            (tool,) = self._tools
            found = tool.return_value_as_string(await tool.run_json(json.loads(call.arguments), CancellationToken()))
            results.append(FunctionExecutionResult(content=found, name=call.name, call_id=call.id, is_error=False))
        await self._context.add_message(FunctionExecutionResultMessage(content=results))
        return True


class AutoGenAdapter:
    """``create_stream`` in an agent, and an ``asyncio.Queue`` to the caller, as in AutoGen's samples."""

    def __init__(self, config: AdapterConfig) -> None:
        self._config = config
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._runtime: SingleThreadedAgentRuntime | None = None
        self._queues: list[_Pieces] = []
        self._tool = PlacedTool(config)

    async def open(self, sessions: int) -> None:
        """Open one model client for all, and a new runtime: it frees no agent. Agents are created on first use."""
        if self._sdk is None:
            self._sdk = open_sdk(self._config, over_aiohttp=True)
        if self._runtime is not None:
            await self._runtime.stop_when_idle()
        arguments = {"model": ANTHROPIC.model, "max_tokens": self._config.tokens}
        model = BaseAnthropicChatCompletionClient(
            _Client(_Messages(self._sdk)), create_args=arguments, model_info=_MODEL
        )
        queues = self._queues = [_Pieces() for _ in range(sessions)]
        self._runtime = SingleThreadedAgentRuntime(tracer_provider=NoOpTracerProvider())
        await self._tool.open()
        tools = [] if self._config.tool == "none" else [FunctionTool(self._tool.function, DESCRIPTION)]
        await _Session.register(self._runtime, _TYPE, lambda: _Session(model, queues, tools))
        self._runtime.start()

    async def ask(self, session: int, on_text: OnText) -> None:
        """Send the question, and read the pieces from the queue."""
        assert self._runtime
        pieces = self._queues[session] = _Pieces()
        token = CancellationToken()
        answered = asyncio.ensure_future(
            self._runtime.send_message(_Question("Hi"), _agent(session), cancellation_token=token)
        )
        answered.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                on_text(piece)
            await answered
        finally:
            token.cancel()

    async def reset(self, session: int) -> None:
        """Send the message for it."""
        assert self._runtime
        await self._runtime.send_message(_Reset(), _agent(session))

    async def close(self) -> None:
        """Stop the runtime, and close the connections."""
        if self._runtime is not None:
            await self._runtime.stop_when_idle()
            self._runtime = None
        self._tool.close()
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None


def _agent(session: int) -> AgentId:
    return AgentId(_TYPE, str(session))
