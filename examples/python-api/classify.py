"""Ask a declared prompt from Python, one by one and many at once."""

import asyncio
from pathlib import Path

import runner

HERE = Path(__file__).parent
REVIEWS = [
    "Great value, works perfectly.",
    "A complete waste of money.",
    "It is available in red and blue.",
]


async def classify_all(prompt: runner.LoadedPrompt, reviews: list[str]) -> list[runner.Result]:
    """The answers in the order of `reviews`; the endpoint's own concurrency is the limit."""
    return await asyncio.gather(*(prompt.arun(review=review) for review in reviews))


def main() -> None:
    # Loading checks the file, compiles its templates and resolves its schema. Do it once, at start-up.
    prompt = runner.load(HERE / "prompts/sentiment.prompt.yaml", endpoint="local")

    print("last message:", prompt.render(review=REVIEWS[0])[-1]["content"])

    result = prompt.run(review=REVIEWS[0])
    print(result.outcome, result.output, result.usage)

    for review, each in zip(REVIEWS, asyncio.run(classify_all(prompt, REVIEWS)), strict=True):
        # An answer that is refused, truncated or invalid never looks like a good one: it raises here.
        print(f"{each.raise_for_outcome().output['sentiment']:<9}{review}")


if __name__ == "__main__":
    main()
