"""What becomes of a tool whose task fails: an error result that names the cause, and whether it may be repeated."""

from typing import Any

import pytest
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RaySystemError,
    RuntimeEnvSetupError,
    TaskCancelledError,
    WorkerCrashedError,
)

import rayconteur as rc
from rayconteur.runtime.cluster.tools.runner import failed_task

USE = rc.ToolUse("a", "look", {})


def untyped(kind: Any, reason: object) -> Exception:
    """An error of Ray, whose constructor has no types."""
    error: Exception = kind(reason)
    return error


FAILURES: dict[str, tuple[Exception, str, bool]] = {
    "out of memory": (untyped(OutOfMemoryError, "killed"), "its node ran out of memory", True),
    "lost node": (untyped(NodeDiedError, "gone"), "The node that the tool ran on has died", True),
    "killed process": (WorkerCrashedError(), "process ended before there was a result", True),
    "runtime_env": (RuntimeEnvSetupError("no such package\nlong log"), "runtime_env can't be set up", True),
    "cancelled by somebody": (TaskCancelledError(), "The tool was cancelled", False),
    "another error of Ray": (
        untyped(RaySystemError, ValueError("plasma\nlong log")),
        "can't be run: RaySystemError",
        True,
    ),
    "what Ray does not take": (ValueError("env_vars must be strings"), "ValueError: env_vars must be strings", False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_the_model_is_told_the_cause_and_a_failure_of_ray_may_be_repeated(name: str) -> None:
    error, cause, may_repeat = FAILURES[name]

    result, repeats = failed_task(USE, error)

    (block,) = result.content
    assert isinstance(block, rc.Text)
    assert result.is_error
    assert cause in block.text
    assert "\n" not in block.text
    assert "long log" not in block.text
    assert repeats == may_repeat


def test_all_of_these_but_what_ray_does_not_take_are_errors_of_ray() -> None:
    assert [name for name, (error, *_) in FAILURES.items() if not isinstance(error, RayError)] == [
        "what Ray does not take"
    ]
