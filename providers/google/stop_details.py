"""Why Google stopped an answer, or blocked a prompt: https://ai.google.dev/api/generate-content#SafetyRating."""

from typing import Any

import msgspec

from ..schema.stop_reasons import StopDetails, StopReason
from ..wire.json_decoding import MALFORMED
from .events import Candidate, Feedback

_ratings = msgspec.json.Decoder(list[dict[str, Any]]).decode


def details_of_answer(candidate: Candidate, reason: StopReason) -> StopDetails | None:
    """What the end of *candidate* says about *reason*, if anything. Ratings matter only where a filter stopped it."""
    ratings = _decoded(candidate.safety_ratings) if reason is StopReason.CONTENT_FILTER else []
    return _details(ratings, "finishMessage", candidate.finish_message)


def details_of_prompt(feedback: Feedback) -> StopDetails | None:
    """What *feedback* says about a blocked prompt, besides its reason."""
    return _details(_decoded(feedback.safety_ratings), "blockReasonMessage", feedback.block_reason_message)


def _details(ratings: list[dict[str, Any]], name: str, message: str | None) -> StopDetails | None:
    if not ratings and not message:
        return None
    category = next((rating.get("category") for rating in ratings if rating.get("blocked")), None)
    vendor: dict[str, Any] = {"safetyRatings": ratings} if ratings else {}
    return StopDetails(
        category=category if isinstance(category, str) else None,
        explanation=message or None,
        vendor=vendor | ({name: message} if message else {}),
    )


def _decoded(ratings: msgspec.Raw) -> list[dict[str, Any]]:
    """*ratings*, or none if they can't be read: an answer never fails because of them."""
    try:
        return _ratings(ratings) if bytes(ratings) else []
    except MALFORMED:
        return []
