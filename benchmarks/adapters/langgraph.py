"""LangGraph: a graph of one node, which asks the model, and a thread for each conversation."""

import os
from functools import cached_property

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.graph.state import CompiledStateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.prebuilt import ToolNode, tools_condition  # pyright: ignore[reportMissingTypeStubs]
from pydantic import SecretStr

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText
from .placed_tool import PlacedTool
from .sdk import open_sdk

_Graph = CompiledStateGraph[MessagesState, None, MessagesState, MessagesState]


class _Chat(ChatAnthropic):
    """Has its own client: LangChain's has the SDK's limits, is shared by the whole process, and is never closed."""

    @cached_property
    def _async_client(self) -> anthropic.AsyncClient:
        return open_sdk(AdapterConfig(str(self.anthropic_api_url), self.max_tokens or 0), over_aiohttp=True)

    async def aclose(self) -> None:
        await self._async_client.close()


class LangGraphAdapter:
    """``astream`` of custom data that the node writes; a turn is checkpointed at its end."""

    def __init__(self, config: AdapterConfig) -> None:
        # LangSmith traces each token if the environment asks for it.
        os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
        self._config = config
        self._chat: _Chat | None = None
        self._graph: _Graph | None = None
        self._saver = InMemorySaver()
        self._tool = PlacedTool(config)

    async def open(self, sessions: int) -> None:
        """Open one model for all, and a new graph with an empty checkpointer."""
        if self._chat is None:
            self._chat = _Chat(
                model_name=ANTHROPIC.model,
                max_tokens_to_sample=self._config.tokens,
                base_url=self._config.url,
                api_key=SecretStr("none-needed"),
                max_retries=0,
                timeout=None,
                stop=None,
            )
        self._saver = InMemorySaver()
        await self._tool.open()
        has_tool = self._config.tool != "none"
        self._graph = _tool_graph(self._chat, self._saver, self._tool) if has_tool else _graph(self._chat, self._saver)

    async def ask(self, session: int, on_text: OnText) -> None:
        """Iterate over the data that the node writes."""
        assert self._graph
        thread: RunnableConfig = {"configurable": {"thread_id": str(session)}}
        question = MessagesState(messages=[HumanMessage("Hi")])
        async for piece in self._graph.astream(question, thread, stream_mode="custom", durability="exit"):
            if isinstance(piece, str):
                on_text(piece)

    async def reset(self, session: int) -> None:
        """Delete the thread."""
        await self._saver.adelete_thread(str(session))

    async def close(self) -> None:
        self._tool.close()
        if self._chat is not None:
            await self._chat.aclose()
            self._chat = None


def _graph(chat: ChatAnthropic, saver: InMemorySaver) -> _Graph:
    async def answer(state: MessagesState) -> MessagesState:
        write = get_stream_writer()
        pieces: list[str] = []
        async for chunk in chat.astream(state["messages"]):
            if isinstance(chunk.content, str) and chunk.content:
                pieces.append(chunk.content)
                write(chunk.content)
        return MessagesState(messages=[AIMessage("".join(pieces))])

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


def _tool_graph(chat: ChatAnthropic, saver: InMemorySaver, placed: PlacedTool) -> _Graph:
    """The loop of LangGraph's own agents: a node that asks the model, and one that runs the tools it asks for."""
    tool = StructuredTool.from_function(coroutine=placed.function)
    with_tool = chat.bind_tools([tool])

    async def answer(state: MessagesState) -> MessagesState:
        write = get_stream_writer()
        whole: AIMessageChunk | None = None
        async for chunk in with_tool.astream(state["messages"]):
            assert isinstance(chunk, AIMessageChunk)
            whole = chunk if whole is None else whole + chunk
            if text := chunk.text:
                write(str(text))
        return MessagesState(messages=[whole] if whole else [])

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "answer")
    graph.add_conditional_edges("answer", tools_condition)
    graph.add_edge("tools", "answer")
    return graph.compile(checkpointer=saver)
