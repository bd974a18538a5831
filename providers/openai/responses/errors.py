"""The Responses API's words for what went wrong and for why a model stopped, ours, and what goes back to it sealed."""

from dataclasses import replace

import msgspec

from ...schema.errors import InvalidRequest
from ...schema.stop_reasons import StopReason
from ...transport.faults import FaultTable
from ..chat.errors import faults as chat_faults

PHASE = "message"
"""The type of the opaque block that says which phase of an answer the text after it is, as the item itself does."""


class Sealed(msgspec.Struct):
    """What the signature of thinking is: the part of a reasoning item that only the provider can read."""

    id: str
    encrypted_content: str


def faults(provider: str) -> FaultTable:
    """Which error a fault of *provider* is; this API has codes of its own for a response that failed.

    https://platform.openai.com/docs/api-reference/responses/object#responses/object-error
    """
    table = chat_faults(provider)
    return replace(table, codes={**table.codes, **dict.fromkeys(_REFUSED, InvalidRequest)})


_REFUSED = (
    "invalid_prompt",
    "data_residency_mismatch",
    "bio_policy",
    "misalignment_policy_violation",
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "image_content_policy_violation",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
)

# Of a response that is incomplete.
REASONS = {
    "max_output_tokens": StopReason.MAX_TOKENS,
    "content_filter": StopReason.CONTENT_FILTER,
}
