"""Send a declared request with OpenAI's own client, where a program already has one: `prompt.request` is its arguments.

pip install openai
python openai_client.py "Great value, works perfectly."
"""

import sys
from pathlib import Path

from openai import OpenAI

import runner

PROMPT = Path(__file__).parent / "prompts/sentiment.prompt.yaml"


def main(review: str) -> str | None:
    prompt = runner.load(PROMPT, endpoint="openai")
    # The messages, parameters and schema of the file; variables are checked. The answer is not: that is your program's now.
    completion = OpenAI().chat.completions.create(**prompt.request(review=review))
    return completion.choices[0].message.content


if __name__ == "__main__":
    print(main(sys.argv[1]))
