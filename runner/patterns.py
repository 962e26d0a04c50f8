"""Compile the regular expressions that users write in schemas, checks, comparators and redactions."""

from __future__ import annotations

import re
import warnings

__all__ = ["PatternError", "compile_pattern"]


class PatternError(ValueError):
    """A text is not a valid Python regular expression; the message says why."""


def compile_pattern(source: str) -> re.Pattern[str]:
    """Compile `source` in the dialect of `re`. Raises PatternError for everything that `re` refuses."""
    with warnings.catch_warnings():
        # "[[" may mean something else in a future Python, which does not concern the user of a prompt.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(source)
        except RecursionError:
            raise PatternError("it is nested too deeply") from None
        except (re.error, OverflowError) as error:
            raise PatternError(str(error)) from None
        except ValueError:  # a number with thousands of digits
            raise PatternError("a number in it is too long") from None
