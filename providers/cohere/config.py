"""The config of Cohere."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from ..schema.config import HTTPConfig, require_credential


class Cohere(HTTPConfig, frozen=True, kw_only=True):
    """Cohere's v2 chat. The key comes from ``CO_API_KEY`` unless given, the address from ``CO_API_URL``.

    *citation_mode* is how answers cite documents and tool results, *safety_mode* which safety instruction the model
    gets; not every model has every mode. *priority* is 0 for requests that are handled first when Cohere is busy.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)
    identity: ClassVar[tuple[str, ...]] = ("base_url", "api_key")

    api_key: str | None = None
    base_url: str | None = None
    citation_mode: Literal["enabled", "disabled", "fast", "accurate", "off"] | None = None
    safety_mode: Literal["contextual", "strict", "off"] | None = None
    priority: Annotated[int, Meta(ge=0)] | None = None

    @property
    def credential_variables(self) -> tuple[str, ...]:
        return ("CO_API_KEY",)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = require_credential(self.name, "api_key", self.api_key, environ, "CO_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("CO_API_URL"))
