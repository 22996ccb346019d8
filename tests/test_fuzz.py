"""A slice of the fuzz run, the same on every machine: `python tests/fuzz.py` draws a million and more."""

import pytest
from fuzz import cases, failure, watched


@pytest.mark.parametrize("part", range(3))
def test_whatever_is_typed_ends_in_a_result_or_in_a_message(part):
    with watched():
        for kind, given in cases(seed=0, numbers=range(part * 1000, part * 1000 + 1000)):
            wrong = failure(kind.check, given)
            assert not wrong, f"{kind.check.__name__}({given!r})\n{wrong}"
