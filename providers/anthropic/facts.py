"""What Anthropic documents about the model of a config, at the endpoint of that config."""

from urllib.parse import urlsplit

import msgspec

from ..claude.models import claude_facts
from ..schema.facts import ModelFacts
from .config import Anthropic

_APPENDING_HOSTS = ("api.anthropic.com",)


def documented_facts(config: Anthropic) -> ModelFacts:
    """The facts of the model of *config*.

    Prompts are appended to the messages at Anthropic itself only: gateways and compatible servers may not know messages
    of the role ``system``, and their beta header. Set ``appends_prompts`` in the config's facts for those that do.
    """
    facts = claude_facts(config.model)
    host = urlsplit(config.base_url).hostname if config.base_url else _APPENDING_HOSTS[0]
    return facts if host in _APPENDING_HOSTS else msgspec.structs.replace(facts, appends_prompts=False)
