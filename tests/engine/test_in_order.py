from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runner.engine.journal.in_order import InOrder
from runner.engine.journal.record import json_line


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(b"")

    def append(self, records: list[Any]) -> tuple[int, int]:
        offset = self.path.stat().st_size
        data = "".join(f"{json_line(record)}\n" for record in records).encode()
        with self.path.open("ab") as file:
            file.write(data)
        return offset, len(data)


@given(
    order=st.permutations(range(12)), earlier=st.sets(st.integers(0, 11)), absent=st.sets(st.integers(0, 11))
)
def test_records_come_in_order_whatever_the_order_of_the_answers(
    tmp_path_factory: Any, order: list[int], earlier: set[int], absent: set[int]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("run") / "results.jsonl")
    result: list[Any] = []
    ordered = InOrder(result.append, journal.path)
    for index in order:
        records: list[Any] = [{"index": index, "choice": choice} for choice in range(2)]
        if index in absent:
            ordered.absent(index)
            continue
        place = journal.append(records)
        if index in earlier:
            ordered.earlier(index, place)
        else:
            ordered.add(index, records, *place)
    assert [(each["index"], each["choice"]) for each in result] == [
        (index, choice) for index in range(12) if index not in absent for choice in range(2)
    ]


def test_what_waits_for_a_job_that_never_comes_is_handed_on_at_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "results.jsonl")
    result: list[Any] = []
    ordered = InOrder(result.append, journal.path)
    for index in (3, 1):
        record: Any = {"index": index}
        ordered.add(index, [record], *journal.append([record]))
    assert result == []
    ordered.finish()
    assert [each["index"] for each in result] == [1, 3]
    assert json.loads(journal.path.read_text().splitlines()[0]) == {"index": 3}
