"""Changing a session's settings."""

import msgspec
from msgspec import UNSET

from ...providers.schema.errors import InvalidConfig
from ...providers.schema.facts import ModelFacts
from ..api.config import SessionConfig
from ..api.messages import Configure

_NONE = ModelFacts()


def fields(change: Configure) -> tuple[str, ...]:
    """The settings that *change* gives, by name."""
    given = msgspec.structs.asdict(change)
    del given["next"]
    return tuple(name for name, value in given.items() if value is not UNSET)


def refuse_misfit(change: Configure) -> None:
    """Raises:
    InvalidConfig: no config takes *change*. It is told when the change comes: when its turn comes, nobody listens.
    """
    if change.model == "":
        raise InvalidConfig("model", "give the model's name")


def changed(config: SessionConfig, change: Configure, facts: ModelFacts = _NONE) -> SessionConfig:
    """*config* with what *change* gives in place; *facts* go with a model that it names alone."""
    given = {name: getattr(change, name) for name in fields(change)}
    model = given.pop("model", None)
    config = msgspec.structs.replace(config, **given)
    if model is None:
        return config
    return msgspec.structs.replace(config, provider=msgspec.structs.replace(config.provider, model=model, facts=facts))
