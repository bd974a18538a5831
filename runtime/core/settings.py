"""Changes to a session's settings."""

import msgspec

from ...providers.schema.errors import InvalidConfig
from ...providers.schema.facts import ModelFacts
from ..api.config import SessionConfig
from ..api.messages import Configure, given_settings

_UNKNOWN = ModelFacts()


def require_valid(change: Configure) -> None:
    """Reject an invalid change on arrival: when a queued change is applied, its sender no longer waits for an answer.

    Raises:
        InvalidConfig: the message names the field.
    """
    if change.model == "":
        raise InvalidConfig("model", "give the model's name")


def changed_config(config: SessionConfig, change: Configure, facts: ModelFacts = _UNKNOWN) -> SessionConfig:
    """*config* with *change* applied. *facts* are those of a model that the change names without a provider."""
    settings = given_settings(change)
    model = settings.pop("model", None)
    config = msgspec.structs.replace(config, **settings)
    if model is None:
        return config
    return msgspec.structs.replace(config, provider=msgspec.structs.replace(config.provider, model=model, facts=facts))
