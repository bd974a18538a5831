"""Ids for answers and tool uses that came without one.

They contain the number of the request in its session, so they are unique in the session, and the same if the same bytes
are decoded again.
"""


def fallback_answer_id(request_number: int) -> str:
    """The id of the answer to request *request_number*."""
    return f"answer-{request_number}"


def fallback_call_id(request_number: int, call_number: int) -> str:
    """The id of tool use *call_number*, from 1, of the answer to request *request_number*."""
    return f"call_{request_number}_{call_number}"
