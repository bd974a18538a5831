"""The prompts of a demo."""

import random
from collections.abc import Sequence
from pathlib import Path

from ...providers.schema.errors import InvalidConfig

QUESTIONS = (
    "Why do ravens play? Answer in a short paragraph.",
    "How do ravens remember who was kind to them? Answer in a short paragraph.",
    "Tell a fable of a raven and a fox in six sentences.",
    "What did Huginn and Muninn do all day? Answer in a short paragraph.",
    "How would you tell a raven from a crow in flight? Answer in a short paragraph.",
    "Why are ravens kept at the Tower of London? Answer in a short paragraph.",
    "How do young ravens find a partner? Answer in a short paragraph.",
    "Write eight lines of verse in which a raven answers Poe.",
)

_SENTENCES = (
    "A raven at play will slide down a snowy roof on its back, walk up, and slide down again.",
    "Ravens hide what they do not eat, and wait until nobody looks before they do.",
    "One that sees itself watched pretends to hide its food in one place and carries it off to another.",
    "They mate for life, and a pair keeps its valley for as long as both of them live.",
    "The young ones roam in flocks, and it takes them years to find a partner and a place.",
    "In flight a raven is told from a crow by its tail, which ends in a wedge and not in a fan.",
    "It rolls over in the air, flies upside down for a moment, and rights itself with a croak.",
    "Ravens follow wolves through the snow, for what wolves leave is enough for a flock.",
    "They know a face for years, and they tell their friends who was unkind to them.",
    "Odin had two of them, Thought and Memory, who flew over the world by day and told him of it at night.",
    "At the Tower of London six ravens are kept, lest the kingdom fall.",
    "A raven among people may learn to say its own name, and to open its keeper's lunch.",
    "Noah sent one out before he sent the dove, and it flew to and fro until the waters had dried up.",
    "They speak in dozens of calls, and neighbours have words in common that strangers do not know.",
    "Given a string with meat on its end, a raven pulls, steps on the loop, and pulls again until it has it.",
    "Some will keep a tool for tomorrow rather than take a small reward today.",
    "They nest on cliffs in February, when the ground is white and everything else still sleeps.",
    "A raven that finds a carcass too large for itself calls the others, and is fed by them another day.",
    "Poe gave his bird one word only, and it has been quoted ever since.",
    "Those who study them say that they are bored easily, and that this explains a good deal.",
)
_SENTENCES_PER_TEXT = 7


def raven_texts(count: int) -> list[str]:
    """*count* short texts, the same on every run, which the scripted provider echoes."""
    return [_raven_text(number) for number in range(count)]


def read_prompts(path: Path) -> list[str]:
    """The prompts in the file at *path*, one per line; blank lines are skipped.

    Raises:
        InvalidConfig: the file can't be read, or has no prompt.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InvalidConfig("--prompts", f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidConfig("--prompts", f"{path} is not UTF-8 text") from None
    prompts = [line.strip() for line in lines if line.strip()]
    if not prompts:
        raise InvalidConfig("--prompts", f"{path} has no prompt; write one per line")
    return prompts


def distribute_prompts(prompts: Sequence[str], sessions: int) -> list[list[str]]:
    """The prompts of each session. They are dealt in turn, and repeated if there are more sessions than prompts."""
    return [list(prompts[number::sessions]) or [prompts[number % len(prompts)]] for number in range(sessions)]


def _raven_text(number: int) -> str:
    first = _SENTENCES[number % len(_SENTENCES)]
    others = [sentence for sentence in _SENTENCES if sentence != first]
    return " ".join([first, *random.Random(number).sample(others, _SENTENCES_PER_TEXT - 1)])
