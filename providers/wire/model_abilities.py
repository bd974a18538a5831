"""What a model can't do, by what is known of it."""

from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Settings


def check_abilities(settings: Settings, model: str, facts: ModelFacts) -> None:
    """Refuse what *model*, by its *facts*, can't do. A config's own ``facts`` override what is known.

    Raises:
        InvalidConfig: the field is named.
    """
    if settings.tools and facts.uses_tools is False:
        raise InvalidConfig("tools", f"{model} uses no tools")
    if settings.thinking is not None and facts.thinks is False:
        raise InvalidConfig("thinking", f"{model} does not think")
    if settings.output_schema is not None and facts.fits_schemas is False:
        raise InvalidConfig("output_schema", f"{model} does not fit its answers to a schema")
    limit, wanted = facts.output_limit_tokens, settings.max_output_tokens
    if limit is not None and wanted is not None and wanted > limit:
        raise InvalidConfig("max_output_tokens", f"{model} gives up to {limit:,}")
