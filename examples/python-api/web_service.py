"""A web service with FastAPI: the prompt is loaded once, and all requests share its connections and limits.

pip install fastapi uvicorn
uvicorn web_service:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

import runner

PROMPT = Path(__file__).parent / "prompts/sentiment.prompt.yaml"


class Sentiment(BaseModel):
    sentiment: Literal["positive", "negative", "neutral"]


class Review(BaseModel):
    review: str


prompt = runner.load(PROMPT, endpoint="openai", jobs=64)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with prompt:  # closes the connections when the service ends
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/sentiment")
async def classify(asked: Review) -> Sentiment:
    try:
        result = await prompt.arun(review=asked.review)
    except runner.RunnerError as error:  # the review is too long or empty: nothing was sent
        raise HTTPException(422, error.message) from None
    if not result.passed:  # refused, truncated, invalid, or the endpoint is down
        raise HTTPException(502, f"{result.outcome}: {result.detail}")
    return result.parse(Sentiment)


@app.post("/stream")
async def stream(asked: Review) -> StreamingResponse:
    return StreamingResponse(prompt.astream(review=asked.review), media_type="text/plain")
