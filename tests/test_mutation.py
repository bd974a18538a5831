"""The mutants of ``make mutants``: a reproducible sample of valid faults, and no excuse for code that has changed."""

from pathlib import Path

from mutation.dropped_settings import settings, table
from mutation.mutants import sample
from mutation.run import FOLDERS, known_equivalents

CODE = ("runtime/core/changes",)


def test_a_seed_gives_the_same_mutants_each_with_one_fault(root: Path) -> None:
    mutants = sample(root, CODE, 5, 7)

    assert mutants == sample(root, CODE, 5, 7)
    assert mutants != sample(root, CODE, 5, 8)
    assert all(mutant.is_valid and mutant.before != mutant.after for mutant in mutants)


def test_lines_with_equivalent_mutants_are_still_in_the_code(root: Path) -> None:
    known = known_equivalents()

    stale = [
        (equivalent.module, equivalent.before)
        for equivalent in known
        if (equivalent.before or equivalent.after)
        not in map(str.strip, (root / f"{equivalent.module.replace('.', '/')}.py").read_text().splitlines())
    ]

    assert stale == []
    assert all(equivalent.reason for equivalent in known)
    assert all(equivalent.module.replace(".", "/").startswith(FOLDERS) for equivalent in known)


def test_each_setting_option_and_limit_has_a_test_that_sees_its_effect(root: Path) -> None:
    tests = table()

    assert set(tests) == set(settings()), "give each field of a config a row in tests/mutation/settings.toml"
    for test in set(tests.values()):
        file, _, function = test.partition("::")
        assert f"def {function}(" in (root / file).read_text(), f"{test} does not exist"
