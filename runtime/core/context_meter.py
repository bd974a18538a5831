"""How much of the context window is in use."""

from collections.abc import Sequence

import msgspec

from ...compaction.estimate.estimator import Estimator, new_estimator
from ...providers.schema.messages import Message
from ...providers.schema.request import Settings
from ...providers.schema.usage import NONE_YET, Count, Provenance, Usage, estimated


class Fill(msgspec.Struct, frozen=True, gc=False):
    """The tokens of a request with the first *messages* of the history, settings included."""

    count: Count = NONE_YET.input
    messages: int = 0


_EMPTY = Fill()
_UNKNOWN = new_estimator("")


class ContextMeter(msgspec.Struct, gc=False):
    """The last reported *fill*, and an estimate of what was added since. The estimator learns from each report."""

    fill: Fill = _EMPTY
    estimator: Estimator = _UNKNOWN

    def use_provider(self, provider: str) -> None:
        """Requests go to *provider* from now on. What was learned about another provider does not apply."""
        if provider != self.estimator.provider:
            self.estimator = new_estimator(provider)

    def request_tokens(self, messages: Sequence[Message], settings: Settings) -> int:
        """The tokens of a request with *messages*, as far as they are known."""
        if self.fill.count.tokens is None or not self.fill.messages:
            return self._estimate(messages, settings)
        return self.fill.count.tokens + sum(map(self.estimator.tokens, messages[self.fill.messages :]))

    def settings_tokens(self, settings: Settings) -> int:
        """The tokens of everything in a request except its messages."""
        return self.estimator.tokens_of_settings(settings)

    def learn(self, usage: Usage, messages: Sequence[Message], settings: Settings) -> None:
        """Adjust the estimator to what the provider reported for a request with *messages*."""
        if usage.input.tokens is not None and usage.input.provenance is Provenance.REPORTED:
            self.estimator = self.estimator.learned(messages, settings, usage.input.tokens)

    def set_fill(self, usage: Usage, messages: int) -> None:
        """The last request and its answer used *usage*; they are the first *messages* of the history."""
        self.fill = Fill(usage.input + usage.output, messages)

    def estimate_fill(self, messages: Sequence[Message], settings: Settings) -> None:
        """Nothing has been reported for *messages*: estimate them."""
        count = estimated(self._estimate(messages, settings)) if messages else NONE_YET.input
        self.fill = Fill(count, len(messages))

    def _estimate(self, messages: Sequence[Message], settings: Settings) -> int:
        return self.settings_tokens(settings) + sum(map(self.estimator.tokens, messages))
