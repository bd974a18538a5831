"""Ask 500 questions from a CSV file, 20 at a time, and write a CSV file with the answers.

python examples/csv_prompts.py                                           scripted: no key, no network
python examples/csv_prompts.py questions.csv anthropic:claude-sonnet-5-5
"""

import csv
import sys
from pathlib import Path

import rayconteur as rc


def answer_questions(questions: Path, answers: Path, config: rc.SessionConfig) -> None:
    """Ten lines: the column ``question`` goes in, and ``answer`` and ``problem`` come out, in the same order."""
    with questions.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with rc.blocking.Runtime() as runtime:
        results = runtime.map(config, [row["question"] for row in rows], concurrency=20, on_progress=show_progress)
    with answers.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "answer", "problem"))
        for row, result in zip(rows, results, strict=True):
            answer, problem = ("", result.message) if isinstance(result, rc.RayconteurError) else (result.text, "")
            writer.writerow((row["question"], answer, problem))


def show_progress(done: int, total: int | None) -> None:
    if done % 100 == 0:
        print(f"{done} of {total}")


def write_questions(path: Path) -> None:
    """500 questions, for a first try. One is empty, and fails."""
    questions = [f"What are {number} ravens called?" if number != 7 else "" for number in range(500)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("question",), *((question,) for question in questions)])


if __name__ == "__main__":
    match sys.argv[1:]:
        case [path, model]:
            answer_questions(Path(path), Path("answers.csv"), rc.SessionConfig(provider=rc.model(model)))
        case _:
            write_questions(Path("questions.csv"))
            answer_questions(Path("questions.csv"), Path("answers.csv"), rc.SessionConfig(provider=rc.Scripted()))
