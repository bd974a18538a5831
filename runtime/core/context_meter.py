"""How much of the context window is in use."""

import math
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from ...compaction.estimate.estimator import Estimator, Learned, RequestSizes, new_estimator
from ...compaction.estimate.plausibility import Figure, is_plausible_output, is_usual, judged, teaches
from ...providers.schema.content import Opaque, Thinking
from ...providers.schema.draft import Answer, Partial
from ...providers.schema.messages import Message, Role
from ...providers.schema.request import Settings
from ...providers.schema.tools import ProviderTool
from ...providers.schema.usage import NONE_YET, Count, Provenance, estimated


class Fill(msgspec.Struct, frozen=True, gc=False):
    """The tokens of a request with the first *messages* of the history, settings included.

    *settings_tokens* of them are for the settings, by our own count.
    """

    count: Count = NONE_YET.input
    messages: int = 0
    settings_tokens: int | UnsetType = UNSET


_SEARCH_RESULT = ("tool_search_tool_result", "tool_search_output")
"""The types of the blocks in which a provider's own search of tools says what it has found."""

_EMPTY = Fill()
_UNKNOWN = new_estimator("")


class ContextMeter(msgspec.Struct, gc=False):
    """The last reported *fill*, and an estimate of what was added since. The estimator learns from each report.

    *figure* is the last report that our own count could judge.
    """

    fill: Fill = _EMPTY
    estimator: Estimator = _UNKNOWN
    figure: Figure | None = None

    def use_provider(self, provider: str) -> None:
        """Requests go to *provider* from now on. What was learned about another provider does not apply."""
        if provider != self.estimator.provider:
            self.estimator, self.figure = new_estimator(provider), None

    def request_tokens(self, messages: Sequence[Message], settings: Settings) -> int:
        """The tokens of a request with *messages*, as far as they are known."""
        if self.fill.count.tokens is None or not self.fill.messages:
            return self._estimate(messages, settings)
        known = self.fill.count.tokens + self._change_of_settings(settings, self.fill)
        return known + sum(map(self.estimator.tokens, messages[self.fill.messages :]))

    def settings_tokens(self, settings: Settings) -> int:
        """The tokens of everything in a request except its messages."""
        return self.estimator.tokens_of_settings(settings)

    def counted_tokens(self, messages: Sequence[Message], settings: Settings) -> int:
        """Our own count of a request with *messages*, which no figure changes. The cost is that of new messages."""
        return self.estimator.sizes(messages, settings).tokens

    def counted_share(self, messages: Sequence[Message]) -> float:
        """What *messages* come to by the figures so far, as a share of our own count of them."""
        counted = sum(map(new_estimator(self.estimator.provider).tokens, messages))
        return sum(map(self.estimator.tokens, messages)) / counted if counted else 1.0

    def count(self, answer: Answer | Partial, messages: Sequence[Message], settings: Settings) -> None:
        """A request with *messages* got *answer*: they are what is in the context window now.

        Figures that are not plausible count for nothing there, and teach the estimator nothing: the window gets the
        estimate instead. The cost does not grow with the history.
        """
        sizes = self.estimator.sizes(messages, settings)
        learned, sent = self._count_input(answer, sizes, settings)
        self.estimator = self.estimator.counted(messages, settings, sizes, learned)
        self._fill(sent + self._count_output(answer), len(messages), settings)

    def learn_refused(self, requested_tokens: int, messages: Sequence[Message], settings: Settings) -> None:
        """A request with *messages* was refused: it had *requested_tokens*, the provider says."""
        sizes = self.estimator.sizes(messages, settings)
        if judged(_figure(sizes, requested_tokens), None, False).plausible:
            learned = self.estimator.corrected(sizes, requested_tokens)
            self.estimator = self.estimator.counted(messages, settings, sizes, learned)
            self._fill(estimated(requested_tokens), len(messages), settings)

    def estimate_fill(self, messages: Sequence[Message], settings: Settings) -> None:
        """Nothing has been reported for *messages*: estimate them."""
        count = estimated(self._estimate(messages, settings)) if messages else NONE_YET.input
        self._fill(count, len(messages), settings)

    def add_to_fill(self, added: Sequence[Message], messages: int, settings: Settings) -> None:
        """*added* are at the end of the history now, which has so many *messages*. The cost is that of *added*."""
        before = self.fill.count.tokens if self.fill.messages else None
        known = self.settings_tokens(settings) if before is None else before
        self._fill(estimated(known + sum(map(self.estimator.tokens, added))), messages, settings)

    def fill_up(self, messages: Sequence[Message], settings: Settings) -> None:
        """Count those of *messages* that were added since the fill was counted. The cost is that of these."""
        self._fill(estimated(self.request_tokens(messages, settings)), len(messages), settings)

    def change_settings(self, settings: Settings) -> None:
        """The next request has other *settings* than the last one."""
        self.fill = self.with_settings(self.fill, settings)

    def with_settings(self, fill: Fill, settings: Settings) -> Fill:
        """*fill* if its request had had these *settings*."""
        change = self._change_of_settings(settings, fill)
        if not change or not fill.messages or fill.count.tokens is None:
            return fill
        count = estimated(max(0, fill.count.tokens + change))
        return Fill(count, fill.messages, self.estimator.counted_settings(settings))

    def messages_appended(self, messages: int) -> None:
        """The answer that the fill includes is in the history, which has so many *messages* now."""
        self.fill = Fill(self.fill.count, messages, self.fill.settings_tokens)

    def message_changed(self, place: int, before: Message, after: Message) -> None:
        """The message at *place* is another now."""
        known = self.fill.count.tokens
        if place < self.fill.messages and known is not None:
            change = self.estimator.tokens(after) - self.estimator.tokens(before)
            self.fill = Fill(estimated(max(0, known + change)), self.fill.messages, self.fill.settings_tokens)

    def _fill(self, count: Count, messages: int, settings: Settings) -> None:
        self.fill = Fill(count, messages, self.estimator.counted_settings(settings))

    def _change_of_settings(self, settings: Settings, fill: Fill) -> int:
        before = fill.settings_tokens
        return 0 if before is UNSET else self.estimator.counted_settings(settings) - before

    def _count_input(self, answer: Answer | Partial, sizes: RequestSizes, settings: Settings) -> tuple[Learned, Count]:
        """What the estimator has learned then, and the tokens of the request of *sizes* that got *answer*."""
        sent, estimator = answer.usage.input, self.estimator
        if sent.tokens is None or sent.provenance is not Provenance.REPORTED:
            return estimator.learned_so_far, estimated(estimator.estimate(sizes))
        if any(isinstance(block, Opaque) and block.type.startswith(_SEARCH_RESULT) for block in answer.content):
            # The model has read the request once more after the search, and the figure is the sum.
            return estimator.learned_so_far, estimated(min(sent.tokens, estimator.estimate(sizes)))
        figure, last = _figure(sizes, sent.tokens), self.figure
        # What tools that the provider runs find is among what it reports, and not in what was sent.
        is_open = figure.media > 0 or (settings.tools != () and ProviderTool in map(type, settings.tools))
        self.figure = judged(figure, last, is_open)
        if not self.figure.plausible:
            if last is None or last.plausible:  # the figures before may have been false, too
                return Learned(), estimated(figure.counted)
            return estimator.learned_so_far, estimated(max(figure.counted, estimator.estimate(sizes)))
        if isinstance(answer, Answer) and teaches(figure):
            return estimator.corrected(sizes, sent.tokens), sent
        return estimator.learned_so_far, sent

    def _count_output(self, answer: Answer | Partial) -> Count:
        made, content = answer.usage.output, answer.content
        if made.tokens is None or made.provenance is not Provenance.REPORTED or is_usual(content, made.tokens):
            return made
        estimate = self.estimator.tokens(Message(role=Role.ASSISTANT, content=content, turn=0)) if content else 0
        thinks = bool(answer.usage.reasoning.tokens) or any(isinstance(block, Thinking | Opaque) for block in content)
        return made if is_plausible_output(estimate, made.tokens, thinks) else estimated(estimate)

    def _estimate(self, messages: Sequence[Message], settings: Settings) -> int:
        return self.settings_tokens(settings) + sum(map(self.estimator.tokens, messages))


def _figure(sizes: RequestSizes, reported_tokens: int) -> Figure:
    return Figure(sizes.tokens, reported_tokens, math.ceil(sizes.messages.media))
