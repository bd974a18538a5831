"""Ask many questions at once, and print each answer as soon as it is complete.

python examples/many_questions.py                                             scripted: no key, no network
python examples/many_questions.py --provider anthropic --model claude-sonnet-5-5
"""

import argparse
import asyncio

import rayconteur as rc

QUESTIONS = [f"What are {number} ravens called?" for number in range(2, 42)]
PROVIDERS = {"anthropic": rc.Anthropic, "openai": rc.OpenAI}


async def main(provider: rc.providers.ProviderConfig) -> None:
    async with rc.Runtime(placement=rc.Packed(actors=2)) as runtime:
        sessions = await runtime.spawn_many(rc.SessionConfig(provider=provider), len(QUESTIONS))

        async def ask(session: rc.SessionHandle, question: str) -> tuple[str, rc.runtime.FinalAnswer]:
            return question, await session.ask(question).answer()

        for next_answer in asyncio.as_completed(map(ask, sessions, QUESTIONS)):
            question, answer = await next_answer
            print(f"{question}\n    {answer.text} ({answer.usage.output.tokens} tokens)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Ask many questions at once.")
    parser.add_argument("--provider", choices=PROVIDERS, help="a real provider; its key is read from the environment")
    parser.add_argument("--model", default="claude-sonnet-5-5")
    args = parser.parse_args()
    echo = rc.Scripted(script=rc.scripted.Script(tokens_per_s=50))  # answers with the question
    asyncio.run(main(PROVIDERS[args.provider](model=args.model) if args.provider else echo))
