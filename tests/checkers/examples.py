"""How much the tests that try random examples try: the usual runs some, `make fuzz` all."""

from hypothesis import settings

ALL_EXAMPLES = "all-examples"
"""The hypothesis profile of `make fuzz`, which runs the files that import this one."""


def examples(usual: int, all_examples: int) -> int:
    """The number to try in this run."""
    return all_examples if settings.get_current_profile_name() == ALL_EXAMPLES else usual
