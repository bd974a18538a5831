"""The config of the scripted provider."""

from ..schema.config import Config
from .script import Script


class Scripted(Config, frozen=True, kw_only=True):
    """A provider inside the session's process that answers from *script*. For demos, tests and benchmarks."""

    model: str = "scripted"
    script: Script = Script()
