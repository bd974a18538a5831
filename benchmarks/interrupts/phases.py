"""The phases of a turn in which it can be interrupted, and the sessions that get into them."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.request import Request, urlopen

import msgspec

import rayconteur as rc
from rayconteur.compaction import Summarize
from rayconteur.providers import ModelFacts
from rayconteur.runtime import RayTask
from rayconteur.scripted import Say, Script

from ..load.answers import ANTHROPIC
from ..load.pace import Pace
from ..readers.runtime_client import provider_config

TOKENS_PER_S = 50.0
_LONG_S = 3_600.0

PACES: Mapping[str, Pace] = {
    "paced": Pace(tokens_per_s=TOKENS_PER_S),
    "silent": Pace(first_token_s=_LONG_S),
    "fast": Pace(tokens_per_s=2_000),
    "limiting": Pace(limited_share=1, retry_after_s=60),
    "calling": Pace(tool_share=1),
}
"""The load servers."""

NOT_LISTENING = "not listening"
"""The name of a server that leaves connections waiting."""


class Begin(StrEnum):
    """How a program learns that a turn is in its phase."""

    AT_ONCE = "at once"
    """It is as soon as the message is in the mailbox."""
    SOON = "soon"
    """Nothing tells; it is a moment after the start of the turn."""
    ON_ARRIVAL = "on arrival"
    """The provider has the request."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase: the load server that is asked, and when it *begins*, an event if there is one.

    *sees_close*: the provider has a connection that is to be closed. *is_second*: the turn waits behind another one.
    *is_unread*: another reader of the session has stopped reading. *is_on_ray*: a tool on Ray asks a silent server, and
    what closes is its connection. It is interrupted *weight* times as often as others.
    """

    name: str
    server: str
    begins: Begin | type[rc.FromLLM] = Begin.ON_ARRIVAL
    sees_close: bool = True
    is_second: bool = False
    is_unread: bool = False
    streaming: bool = True
    tools: tuple[rc.Tool, ...] = ()
    is_compacting: bool = False
    is_on_ray: bool = False
    weight: int = 1


ON_RAY = "tool on Ray"

PHASES = (
    Phase(name="connecting", server=NOT_LISTENING, begins=Begin.SOON, sees_close=False),
    Phase(name="waiting for headers", server="silent"),
    Phase(name="streaming", server="paced", begins=rc.TextChunk),
    Phase(name="not streaming", server="silent", streaming=False),
    Phase(name="retry wait", server="limiting", begins=rc.Retrying, sees_close=False),
    Phase(
        name="tools out",
        server="calling",
        begins=rc.ToolBatch,
        sees_close=False,
        tools=(rc.Tool(name="look", input_schema={"type": "object"}),),
    ),
    Phase(name=ON_RAY, server="calling", is_on_ray=True, weight=4),
    Phase(name="compacting", server="silent", is_compacting=True),
    Phase(name="queued", server="silent", begins=Begin.AT_ONCE, sees_close=False, is_second=True),
    Phase(name="slow reader", server="fast", begins=rc.TextChunk, is_unread=True),
)

# Of the session that compacts: after so many turns the question leaves no room for an answer, so that each time a
# compaction is due. (Above the threshold only, none would follow one that was interrupted.)
COMPACTED_TURNS = 4
COMPACTED_TEXT = "Where did the ravens go? " * 1_000
PAST_THE_LIMIT = COMPACTED_TEXT * 2
_COMPACTED_LIMIT_TOKENS = 36_000  # a fifth of which is more than the tokens that a summary is requested with


def session_config(phase: Phase, urls: Mapping[str, str], tokens: int) -> rc.SessionConfig:
    """The config of a session for *phase*. The request that is interrupted is for *tokens* tokens."""
    if phase.is_compacting:
        return _compacting_config(urls[phase.server], tokens)
    if phase.is_on_ray:
        provider = provider_config(ANTHROPIC, urls[phase.server])
        return rc.SessionConfig(provider=provider, max_output_tokens=1, tools=(_asking_tool(urls["silent"], tokens),))
    return rc.SessionConfig(
        provider=provider_config(ANTHROPIC, urls[phase.server]),
        max_output_tokens=tokens,
        streaming=phase.streaming,
        tools=phase.tools,
        compaction=None,
    )


def _compacting_config(url: str, tokens: int) -> rc.SessionConfig:
    """Only its summaries are requested over HTTP: its answers come at once, and report no tokens of another history."""
    facts = ModelFacts(context_limit_tokens=_COMPACTED_LIMIT_TOKENS)
    summarize = Summarize(provider=provider_config(ANTHROPIC, url), max_summary_tokens=tokens, keep_recent_turns=1)
    script = Script(answers=((Say("They left."),),), usage="none")
    return rc.SessionConfig(
        provider=rc.Scripted(script=script, facts=facts), max_output_tokens=100, compaction=summarize
    )


def _asking_tool(url: str, tokens: int) -> rc.Tool:
    """A tool on Ray that waits for the headers of an answer, until it is interrupted."""
    body = msgspec.json.encode({"model": ANTHROPIC.model, "max_tokens": tokens, "stream": True})
    request = Request(f"{url}{ANTHROPIC.path}", body)

    def look_around(place: str, how_often: int) -> None:
        del place, how_often
        with urlopen(request):
            pass

    return rc.tool(runs=RayTask(num_cpus=0), timeout_s=None)(look_around)
