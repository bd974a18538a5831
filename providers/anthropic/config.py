"""The config of Anthropic."""

from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

from ..schema.config import HTTPConfig, require_credential


class Anthropic(HTTPConfig, frozen=True, kw_only=True):
    """Anthropic's Messages API. The key comes from ``ANTHROPIC_API_KEY`` unless given."""

    secrets: ClassVar[tuple[str, ...]] = (*HTTPConfig.secrets, "api_key")
    identity: ClassVar[tuple[str, ...]] = ("base_url", "api_key")

    api_key: str | None = None
    base_url: str | None = None

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = require_credential(self.name, "api_key", self.api_key, environ, "ANTHROPIC_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("ANTHROPIC_BASE_URL"))
