"""Decide an answer by the calls that its assertions need."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..engine.journal.record import Record
from ..engine.judging import Judging, waits
from ..engine.plan.job import Job, Unit
from .channel import Channel

__all__ = ["decided"]


async def decided(
    job: Job, records: list[Record], channel_for: Callable[[Unit], Awaitable[Channel]]
) -> list[Record]:
    """Return the records of an answer with their verdicts, after the calls that they wait for, if any."""
    if not waits(records):
        return records
    judging = Judging(None)
    judging.take([(job, records)], lambda _: b"")
    calls = [call for of_endpoint in judging.jobs().values() for call in of_endpoint]

    async def ask(call: Job) -> tuple[Job, list[Record]]:
        return call, await (await channel_for(call.unit)).ask(call)

    judging.answered(await asyncio.gather(*map(ask, calls)), lambda _: b"")
    [(_, final)] = judging.ready()
    return final
