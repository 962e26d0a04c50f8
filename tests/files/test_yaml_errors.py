"""The messages for common mistakes are compared literally with tests/golden/yaml."""

from __future__ import annotations

import pytest

from runner.documents.yaml_compose import Composing, compose_c, compose_python
from runner.documents.yaml_reader import parse_yaml
from runner.errors import SyntaxFileError
from tests.golden_files import GOLDEN, assert_golden

MISTAKES = sorted(path.stem for path in (GOLDEN / "yaml").glob("*.yaml"))


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("composing", [compose_c, compose_python], ids=["libyaml", "python"])
def test_a_mistake_is_explained_with_its_place_and_a_hint(mistake: str, composing: Composing | None) -> None:
    if composing is None:
        pytest.skip("PyYAML was built without libyaml")
    source = (GOLDEN / "yaml" / f"{mistake}.yaml").read_text(encoding="utf-8")
    with pytest.raises(SyntaxFileError) as caught:
        parse_yaml(source, f"{mistake}.yaml", compose_with=composing)
    error = caught.value
    told = f"{error.location}: {error.message}\nhint: {error.hint}\n"
    assert_golden(f"yaml/{mistake}.txt", told)


def test_there_are_mistakes_to_explain() -> None:
    assert len(MISTAKES) >= 12
