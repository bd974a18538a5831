"""The errors of the Responses API, mapped to ours."""

from dataclasses import replace

from ...schema.errors import AuthenticationFailed, InvalidRequest, Overloaded, ThinkingRejected
from ...transport.faults import FaultTable
from ..chat.errors import faults as chat_faults


def faults(provider: str) -> FaultTable:
    """The fault table of *provider*: that of Chat Completions, and the codes of a failed response.

    https://platform.openai.com/docs/api-reference/responses/object#responses/object-error
    """
    table = chat_faults(provider)
    codes = {**table.codes, **dict.fromkeys(_INVALID_REQUEST_CODES, InvalidRequest), **_TYPES_AS_CODES}
    # Of a reasoning item, or of a compaction: https://developers.openai.com/api/docs/guides/reasoning.
    return replace(table, codes={**codes, "invalid_encrypted_content": ThinkingRejected})


_INVALID_REQUEST_CODES = (
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

# LiteLLM puts the type of another vendor's error in place of a code.
_TYPES_AS_CODES = {
    "authentication_error": AuthenticationFailed,
    "permission_error": AuthenticationFailed,
    "billing_error": AuthenticationFailed,
    "not_found_error": InvalidRequest,
    "overloaded_error": Overloaded,
}
