"""What Anthropic documents about the model of a config, at the endpoint of that config."""

import msgspec

from ..claude.models import claude_facts
from ..schema.facts import ModelFacts
from ..wire.hosts import host_of
from .config import Anthropic

_HOST = "api.anthropic.com"


def documented_facts(config: Anthropic) -> ModelFacts:
    """The facts of the model of *config*.

    Prompts are appended to the messages at Anthropic itself only: the beta for whole tools in messages is on no other
    platform, and gateways and compatible servers may not know messages of the role ``system``. The API compacts
    histories at Anthropic, on Claude Platform on AWS and in Foundry. Its tool search needs no beta header at Anthropic;
    of other platforms that is not known. Set ``appends_prompts``, ``compacts`` and ``searches_tools`` in the config's
    facts for gateways that pass on these and their beta headers.
    """
    facts = claude_facts(config.model)
    if _is_anthropic(config):
        return facts
    compacts = facts.compacts and config.served_by in ("aws", "foundry")
    return msgspec.structs.replace(facts, appends_prompts=False, compacts=compacts, searches_tools=None)


def _is_anthropic(config: Anthropic) -> bool:
    if config.served_by != "anthropic":
        return False
    return config.base_url is None or host_of(config.base_url) == _HOST
