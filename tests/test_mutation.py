"""The mutants of ``make mutants``: a reproducible sample of valid faults, and no excuse for code that has changed."""

from pathlib import Path

from mutation.mutants import sample
from mutation.run import FOLDERS, known_equivalents

RETRY = ("runtime/core",)


def test_a_seed_gives_the_same_mutants_each_with_one_fault(root: Path) -> None:
    mutants = sample(root, RETRY, 5, 7)

    assert mutants == sample(root, RETRY, 5, 7)
    assert mutants != sample(root, RETRY, 5, 8)
    assert all(mutant.is_valid and mutant.before != mutant.after for mutant in mutants)


def test_lines_with_equivalent_mutants_are_still_in_the_code(root: Path) -> None:
    known = known_equivalents()

    stale = [
        (equivalent.module, equivalent.before)
        for equivalent in known
        if equivalent.before
        not in map(str.strip, (root / f"{equivalent.module.replace('.', '/')}.py").read_text().splitlines())
    ]

    assert stale == []
    assert all(equivalent.reason for equivalent in known)
    assert all(equivalent.module.replace(".", "/").startswith(FOLDERS) for equivalent in known)
