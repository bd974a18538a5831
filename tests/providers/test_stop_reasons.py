"""Stop reasons in the words of all vendors: which are failures, and which are not."""

import pytest

from rayconteur.providers.schema.errors import Overloaded, ProviderError, ProviderUnavailable
from rayconteur.providers.wire.stop_reasons import STOP_REASONS, failure, reason_names


@pytest.mark.parametrize("raw", STOP_REASONS)
def test_a_known_stop_reason_is_no_failure_however_it_is_written(raw: str) -> None:
    for written in (raw, raw.upper(), f"FinishReason.{raw.upper()}"):
        assert reason_names(written) == [raw, raw]
        assert failure("vendor", written) is None


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("error", ProviderUnavailable),
        ("ERROR", ProviderUnavailable),
        ("FinishReason.ERROR", ProviderUnavailable),
        ("error: stop", ProviderUnavailable),
        ("insufficient_system_resource", Overloaded),
    ],
)
def test_a_stop_reason_that_says_that_the_answer_failed_is_an_error(raw: str, kind: type[ProviderError]) -> None:
    error = failure("vendor", raw)

    assert error is not None
    assert type(error) is kind
    assert error.vendor_code == raw


@pytest.mark.parametrize("raw", [None, "", "of a newer kind"])
def test_a_stop_reason_that_nobody_knows_is_no_failure(raw: str | None) -> None:
    assert failure("vendor", raw) is None
