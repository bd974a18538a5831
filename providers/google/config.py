"""The config of Google's Gemini models: at the Gemini API by a key, or at Vertex AI by Google's credentials."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

import msgspec

from ..schema.config import HTTPConfig
from ..schema.errors import InvalidConfig, MissingKey

_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")  # the first one counts, as in Google's SDK
_YES = ("true", "1")
_no_name = re.compile(r"[^a-zA-Z0-9_./@:-]|\.\.")  # it stands in an address


class Google(HTTPConfig, frozen=True, kw_only=True):
    """Gemini models at the Gemini API, or, with *vertex*, at Vertex AI.

    The Gemini API takes *api_key*, from ``GOOGLE_API_KEY`` or ``GEMINI_API_KEY`` unless given. Vertex AI takes
    *project* and *location* (``GOOGLE_CLOUD_PROJECT``, ``GOOGLE_CLOUD_LOCATION``, or ``global``), and *credentials*: a
    service account's or a user's JSON, or the path of a file with it, read where the session is spawned. Without them
    and ``GOOGLE_APPLICATION_CREDENTIALS`` it takes the default credentials of the machine that the session runs on.
    Vertex AI's express mode takes an *api_key* alone.

    *vertex* follows from what is given, else from ``GOOGLE_GENAI_USE_VERTEXAI``. *api_version* is ``v1beta`` (for
    Vertex AI ``v1beta1``) unless given: what is newer than plain chat, such as schemas and thinking, comes there
    first, and Google's own documents ask there.

    *media_resolution* is how closely the model looks at images and documents, unless an ``Image`` has its own detail.
    *safety_settings* are Google's objects, such as ``{"category": "HARM_CATEGORY_HARASSMENT", "threshold":
    "BLOCK_NONE"}``. *cached_content* is the name of an explicit cache, which has the system prompt and the tools in it:
    the session must not have any. *labels* are stored with each request, and break down its costs.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key", "credentials")
    identity: ClassVar[tuple[str, ...]] = ("vertex", "base_url", "project", "location", "api_key")

    api_key: str | None = None
    vertex: bool | None = None
    project: str | None = None
    location: str | None = None
    credentials: str | None = None
    api_version: str | None = None
    base_url: str | None = None
    media_resolution: Literal["low", "medium", "high"] | None = None
    safety_settings: tuple[dict[str, str], ...] | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if _no_name.search(self.model):
            raise InvalidConfig("provider.model", "give the model's name, or its resource name")
        of_vertex = self.project or self.location or self.credentials
        if self.vertex is False and of_vertex:
            raise InvalidConfig("provider.vertex", "project, location and credentials are Vertex AI's")
        if self.api_key and of_vertex:
            raise InvalidConfig("provider.api_key", "give either api_key or project, location and credentials")
        for number, setting in enumerate(self.safety_settings or ()):
            if not {"category", "threshold"} <= setting.keys():
                raise InvalidConfig(f"provider.safety_settings[{number}]", "give a category and a threshold")

    @property
    def credential_variables(self) -> tuple[str, ...]:
        return _KEYS if self.api_key else ("GOOGLE_APPLICATION_CREDENTIALS",)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        vertex = self._is_vertex(environ)
        found = self._at_vertex(environ) if vertex and not self.api_key else self._by_key(environ)
        variable = "GOOGLE_VERTEX_BASE_URL" if vertex else "GOOGLE_GEMINI_BASE_URL"
        return msgspec.structs.replace(
            found,
            vertex=vertex,
            api_version=self.api_version or ("v1beta1" if vertex else "v1beta"),
            base_url=self.base_url or environ.get(variable),
        )

    def _is_vertex(self, environ: Mapping[str, str]) -> bool:
        if self.vertex is not None:
            return self.vertex
        if self.project or self.location or self.credentials:
            return True
        return not self.api_key and environ.get("GOOGLE_GENAI_USE_VERTEXAI", "").lower() in _YES

    def _by_key(self, environ: Mapping[str, str]) -> Self:
        keys = (self.api_key, *map(environ.get, _KEYS))
        key = next((key for key in keys if key and key.strip()), None)
        if key is None:
            raise MissingKey(self.name, "api_key", _KEYS[0])
        return msgspec.structs.replace(self, api_key=key)

    def _at_vertex(self, environ: Mapping[str, str]) -> Self:
        credentials = _json_of(self.credentials or environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
        project = self.project or environ.get("GOOGLE_CLOUD_PROJECT") or _project_of(credentials)
        if not project:
            raise InvalidConfig("provider.project", "give it, or set GOOGLE_CLOUD_PROJECT")
        location = self.location or environ.get("GOOGLE_CLOUD_LOCATION") or "global"
        return msgspec.structs.replace(self, project=project, location=location, credentials=credentials)


class _Credentials(msgspec.Struct):
    type: str
    project_id: str | None = None


def _json_of(given: str | None) -> str | None:
    """The JSON that *given* is, or that of the file that it names.

    Raises:
        InvalidConfig: there is none.
    """
    if not given:
        return None
    try:
        text = given if given.lstrip().startswith("{") else Path(given).expanduser().read_text()
        msgspec.json.decode(text, type=_Credentials)
    except (OSError, ValueError):
        problem = "give the JSON of Google credentials, or the path of a file with it that can be read here"
        raise InvalidConfig("provider.credentials", problem) from None
    return text


def _project_of(credentials: str | None) -> str | None:
    return msgspec.json.decode(credentials, type=_Credentials).project_id if credentials else None
