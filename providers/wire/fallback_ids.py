"""Ids for answers and tool uses that came without one.

They are made of the number of the request in its session: unique there, and the same when the same bytes are decoded
again.
"""


def fallback_answer_id(request_number: int) -> str:
    """The id of the answer to request *request_number*."""
    return f"answer-{request_number}"


def fallback_call_id(request_number: int, call_number: int) -> str:
    """The id of tool use *call_number*, from 1, of the answer to request *request_number*."""
    return f"call_{request_number}_{call_number}"
