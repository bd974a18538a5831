"""Changes to a session's settings, and the prompts along the history that they lead to."""

from collections.abc import Sequence

import msgspec

from ...providers.schema.facts import ModelFacts
from ...providers.schema.messages import Message, Role
from ...providers.schema.request import Prompt, Settings
from ..api.config import SessionConfig
from ..api.messages import Configure
from ..api.settings.changes import TurnSettings, given_settings

_UNKNOWN = ModelFacts()


def changed_config(
    config: SessionConfig, change: Configure | TurnSettings, facts: ModelFacts = _UNKNOWN
) -> SessionConfig:
    """*config* with *change* applied. *facts* are those of a model that the change names without a provider.

    What a session that follows a template changes itself, its template does not change any more.
    """
    settings = given_settings(change)
    if config.template and isinstance(change, Configure) and "template" not in settings:
        settings["template"] = config.template.overridden_by(settings)
    model = settings.pop("model", None)
    config = msgspec.structs.replace(config, **settings)
    if model is None:
        return config
    return msgspec.structs.replace(config, provider=msgspec.structs.replace(config.provider, model=model, facts=facts))


def prompts_before_change(prompts: tuple[Prompt, ...], old: Settings, new: Settings) -> tuple[Prompt, ...]:
    """The *prompts* along a history with messages whose settings change from *old* to *new*.

    The new prompt is not among them: it counts from the next request on, whatever happens until then.
    """
    if prompts or (old.system, old.tools) == (new.system, new.tools):
        return prompts
    return (Prompt(system=old.system, tools=old.tools),)


def prompts_in_request(
    prompts: tuple[Prompt, ...], settings: Settings, messages: Sequence[Message]
) -> tuple[Prompt, ...]:
    """The prompts along *messages* for a request with *settings*: none if they have been the same from the beginning.

    Prompts that no answer was given under are left out: those of failed requests and of turns that have left the
    history. The cost does not grow with the history.
    """
    answered = answered_prompts(prompts, messages)
    if not answered:
        return ()
    last = answered[-1]
    if (last.system, last.tools) == (settings.system, settings.tools):
        return answered if len(answered) > 1 else ()
    return (*answered, Prompt(start=len(messages) - 1, system=settings.system, tools=settings.tools))


def answered_prompts(prompts: tuple[Prompt, ...], messages: Sequence[Message]) -> tuple[Prompt, ...]:
    """Those of *prompts* that an answer in *messages* was given under."""
    if not prompts:
        return ()
    answered = len(messages)
    while answered and messages[answered - 1].role is Role.USER:
        answered -= 1
    kept = len(prompts)
    while kept and prompts[kept - 1].start >= answered:
        kept -= 1
    return prompts[:kept]
