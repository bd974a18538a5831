"""The command `rayconteur replay`. It reads the journal itself, and changes nothing in it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import msgspec

from ...providers.schema.errors import InvalidConfig
from ...runtime.api.errors import UnknownSession
from ...runtime.api.journal import JournalStore, PostgresJournalConfig, RedisJournalConfig, SQLiteJournalConfig
from ...runtime.core.conversation import Conversation
from ...runtime.core.past.snapshot import Snapshot
from ...runtime.core.past.turns import Past, past_of
from ...runtime.journal.codec import decoded_snapshot
from ...runtime.journal.entry import Entry, SessionKey
from ...runtime.journal.errors import CorruptRecord, InvalidJournal, UnknownJournalSession
from ...runtime.journal.journal import Journal
from ...runtime.journal.opening import open_journal
from ...runtime.session.durable.rebuilding import read_page
from ..command_run import CommandRun, print_error
from ..exit_codes import ExitCode
from ..formatting import printable
from ..output import Output
from .against import ask_again, config_named, lines_of
from .questions import Questions
from .records import State, json_of, line_of, replay_record, state_differences


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """The options of the command."""

    session: str
    journal: str
    epoch: int | None = None
    at: int | None = None
    against: str | None = None
    json: bool = False


async def replay(options: ReplayOptions, run: CommandRun) -> ExitCode:
    """Show what the records of a session did up to one of them, and what the others do otherwise now.

    With another model, ask it what the session was asked after that record.
    """
    journal = await open_journal(_journal_config(options.journal), read_only=True)
    try:
        position = await journal.position(options.session, options.epoch)
        if options.at is not None and options.at > position.number:
            raise InvalidConfig("--at", f"session {position.session} has {position.number:,} records")
        replaying = Replaying(options, run.output, await _last_snapshot(journal, position.session))
        async with aclosing(_entries(journal, position.session, position.number)) as entries:
            code = await replaying.run(entries)
    except UnknownJournalSession as unknown:
        raise UnknownSession(unknown.message) from None
    finally:
        await journal.aclose()
    if options.against is not None and code is not ExitCode.FAILED:
        await replaying.ask_again(options.against)
    return code


class Replaying:
    """One run of the command: it prints to *output*. *snapshot* is one that was stored of the session."""

    def __init__(self, options: ReplayOptions, output: Output, snapshot: Snapshot | None) -> None:
        self._options = options
        self._output = output
        self._snapshot = snapshot
        self._conversation = Conversation()
        self._questions = Questions()
        self._past: Past | None = None  # at the end of what is shown
        self._replayed = self._differing = 0

    async def run(self, entries: AsyncGenerator[Entry]) -> ExitCode:
        """Replay *entries*."""
        try:
            async for entry in entries:
                if self._past is None and self._is_rest(entry):
                    self._end_shown()
                self._replay(entry)
        except InvalidJournal as error:
            self._summarize()
            print_error(error.message)
            return ExitCode.FAILED
        if self._past is None:
            self._end_shown()
        self._summarize()
        return ExitCode.FAILED if self._differing else ExitCode.COMPLETED

    async def ask_again(self, against: str) -> None:
        """Ask another model what was asked after what is shown."""
        past = self._past or past_of(self._conversation)
        config = config_named(against, past.config)
        async for answer in ask_again(config, past, self._questions):
            if self._options.json:
                self._print_json({"line": "answer", **msgspec.to_builtins(answer)})
            else:
                for line in lines_of(answer):
                    self._output.line(line)

    def _is_rest(self, entry: Entry) -> bool:
        if self._options.at is not None:
            return entry.number > self._options.at
        return self._options.against is not None and entry.kind not in ("opened", "imported")

    def _replay(self, entry: Entry) -> None:
        is_rest = self._past is not None
        if entry.number != self._replayed + 1:
            problem = f"record {self._replayed + 1} of session {entry.session} is missing"
            raise CorruptRecord(problem, entry.session.id, self._replayed + 1)
        step = replay_record(self._conversation, entry)
        if self._snapshot and self._snapshot.record == entry.number:
            found = state_differences(self._conversation, self._snapshot)
            step = replace(step, differences=(*step.differences, *found))
        self._questions.note(step, is_rest)
        self._replayed += 1
        self._differing += bool(step.differences)
        if is_rest and not step.differences:
            return
        if self._options.json:
            self._print_json({"line": "record", **json_of(step)})
            return
        self._output.line(printable(line_of(step)))
        for difference in step.differences:
            self._output.line(printable(f"         ≠ {difference}"))

    def _end_shown(self) -> None:
        self._past = past_of(self._conversation)
        self._questions.start(self._conversation.turn)
        state = State.of(self._conversation)
        if self._options.json:
            self._print_json({"line": "state", "record": self._replayed, **state._asdict()})
        else:
            counts = ", ".join(f"{value:,} {name}" for name, value in state._asdict().items() if name != "phase")
            self._output.notice(f"after record {self._replayed:,}: {state.phase}, {counts}")

    def _summarize(self) -> None:
        if self._options.json:
            self._print_json({"line": "summary", "records": self._replayed, "differing": self._differing})
        else:
            self._output.notice(
                f"{self._replayed:,} records replayed, {self._differing:,} differ from what is recorded"
            )

    def _print_json(self, value: dict[str, object]) -> None:
        self._output.line(msgspec.json.encode(value).decode())


async def _entries(journal: Journal, session: SessionKey, last: int) -> AsyncGenerator[Entry]:
    """The entries of *session* up to number *last*."""
    number = 0
    while number < last:
        for entry in await read_page(journal, session, number):
            if entry.number <= last:
                yield entry
            number = entry.number


async def _last_snapshot(journal: Journal, session: SessionKey) -> Snapshot | None:
    stored = await journal.snapshot(session)
    try:
        return decoded_snapshot(stored) if stored else None
    except InvalidJournal:  # the records are there without it
        return None


def _journal_config(place: str) -> JournalStore:
    """The journal at *place*, an address or the path of a file."""
    match place.partition("://")[0]:
        case "postgresql" | "postgres":
            url, _, schema = place.partition("#")
            return PostgresJournalConfig(url, schema) if schema else PostgresJournalConfig(url)
        case "redis" | "rediss":
            url, _, prefix = place.partition("#")
            return RedisJournalConfig(url, prefix) if prefix else RedisJournalConfig(url)
        case _:
            return SQLiteJournalConfig(place)
