"""What a session knows of the template that it follows."""

from collections.abc import Iterable
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from ....providers.schema.checks.shown import ReadableStruct

TemplateName = Annotated[str, Meta(min_length=1, max_length=64)]


class FollowedTemplate(ReadableStruct, frozen=True, kw_only=True, omit_defaults=True):
    """The template of that *name*, whose settings a session has in a *version*, except for its own *overrides*.

    These are the names of settings that were changed for the session, or given when it was spawned. A model that was
    changed stands for its provider.
    """

    name: TemplateName
    version: int = 0
    overrides: tuple[str, ...] = ()

    def overridden_by(self, settings: Iterable[str]) -> Self:
        """The same, when the session has changed these *settings* itself."""
        names = {"provider" if name == "model" else name for name in settings}
        return msgspec.structs.replace(self, overrides=tuple(sorted({*self.overrides, *names})))
