"""The config of the scripted provider."""

from ..schema.config import Config
from .script import Script


class Scripted(Config, frozen=True, kw_only=True):
    """A provider in the process itself: it says what *script* says. For demos, tests and benchmarks."""

    model: str = "scripted"
    script: Script = Script()
