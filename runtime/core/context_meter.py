"""How much of the context window is in use."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...compaction.estimate.estimator import Estimator
from ...providers.schema.messages import Message
from ...providers.schema.request import Settings
from ...providers.schema.usage import NONE_YET, Count, Provenance, Usage, estimated


@dataclass(frozen=True, slots=True)
class Fill:
    """What the first *messages* of the history, and all else in a request, come to."""

    count: Count = NONE_YET.input
    messages: int = 0


@dataclass(slots=True)
class Context:
    """The last reported *fill*, and an estimate of what came since, by an estimator that learns from each report."""

    fill: Fill = Fill()
    estimator: Estimator = field(default_factory=Estimator)

    def goes_to(self, provider: str) -> None:
        """Requests go to *provider* from now on. What was learned of another does not hold for it."""
        if provider != self.estimator.provider:
            self.estimator = Estimator(provider)

    def tokens(self, messages: Sequence[Message], settings: Settings) -> int:
        """What a request with *messages* comes to, as far as is known."""
        if self.fill.count.tokens is None or not self.fill.messages:
            return self._all(messages, settings)
        return self.fill.count.tokens + sum(map(self.estimator.tokens, messages[self.fill.messages :]))

    def settings_tokens(self, settings: Settings) -> int:
        """What everything but the messages comes to."""
        return self.estimator.tokens_of_settings(settings)

    def learn(self, usage: Usage, messages: Sequence[Message], settings: Settings) -> None:
        """Take in what the provider reported of a request with *messages*."""
        if usage.input.tokens is not None and usage.input.provenance is Provenance.REPORTED:
            self.estimator = self.estimator.learned(messages, settings, usage.input.tokens)

    def filled(self, usage: Usage, messages: int) -> None:
        """The last request and its answer came to *usage*, and the first *messages* of the history are those."""
        self.fill = Fill(usage.input + usage.output, messages)

    def recount(self, messages: Sequence[Message], settings: Settings) -> None:
        """Nothing is known of *messages*: estimate all."""
        self.fill = Fill(estimated(self._all(messages, settings)) if messages else NONE_YET.input, len(messages))

    def _all(self, messages: Sequence[Message], settings: Settings) -> int:
        return self.settings_tokens(settings) + sum(map(self.estimator.tokens, messages))
