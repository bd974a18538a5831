"""Changes to settings: of all turns from now on, or of one."""

from typing import TYPE_CHECKING, Any, Union, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from ....providers.registry import ProviderConfig
from ....providers.schema.checks.shown import ReadableStruct
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.request import Settings
from ..config import check_settings, check_tool_names, provider_config


def given_settings(change: Settings) -> dict[str, Any]:
    """The settings that *change* gives, a ``Configure`` or ``TurnSettings``, by name, provider and model included."""
    settings = msgspec.structs.asdict(change).items()
    return {name: value for name, value in settings if value is not UNSET and name != "next"}


def check_change(change: Settings, name: str = "message") -> None:
    """Check a ``Configure`` or ``TurnSettings`` as ``SessionConfig`` does itself; *name* is what errors call it."""
    provider = getattr(change, "provider", UNSET)
    if provider is not UNSET:
        provider = provider_config(provider)
        msgspec.structs.force_setattr(change, "provider", provider)
    check_settings(change, name)
    if given_settings(change).get("model") == "":
        raise InvalidConfig(f"{name}.model", "give the model's name")
    check_tool_names(change, provider, name)


def fields_of_change(settings: type[Settings]) -> list[tuple[str, Any, Any]]:
    """The fields of a struct that changes *settings*, the provider or its model; by default, each is not given."""
    kinds = get_type_hints(settings, include_extras=True)
    return [
        ("provider", ProviderConfig | UnsetType, UNSET),
        ("model", str | UnsetType, UNSET),
        *((name, Union[kinds[name], UnsetType], UNSET) for name in settings.__struct_fields__),  # noqa: UP007
    ]


if TYPE_CHECKING:

    class TurnSettings(Settings, frozen=True, kw_only=True):
        """Settings of one turn: of all its requests, and of no other.

        They are those of ``SessionConfig`` that shape a request, the *provider*, and *model*, which alone keeps the
        provider. A setting that is not given is the session's; ``None`` is the provider's default.
        """

        provider: ProviderConfig | str | UnsetType = UNSET
        model: str | UnsetType = UNSET

else:

    def _check_turn_settings(settings: Settings) -> None:
        check_change(settings, "settings")

    # Each setting is declared once, in Settings. Here each defaults to UNSET instead, which means "not given".
    TurnSettings = msgspec.defstruct(
        "TurnSettings",
        fields_of_change(Settings),
        bases=(ReadableStruct,),
        module=__name__,
        namespace={
            "__post_init__": _check_turn_settings,
            "__doc__": "Settings of one turn: of all its requests, and of no other.\n\n"
            "*model* alone keeps the provider. "
            "What is not given is the session's; ``None`` is the provider's default.",
        },
        frozen=True,
        kw_only=True,
        omit_defaults=True,
    )
