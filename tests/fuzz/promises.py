"""What every reader of outside text promises: to refuse in plain words, and not to hang."""

import time
from contextlib import contextmanager

LONGEST = 2000  # characters of a refusal, whatever it was given


@contextmanager
def may_refuse():
    """Let a ValueError or TypeError in the library's own words pass as an answer."""
    try:
        yield
    except (ValueError, TypeError) as error:
        # UnicodeError is a ValueError, but it is Python's.
        assert not isinstance(error, UnicodeError), f"{type(error).__name__} leaks out"
        message = str(error)
        assert message.strip(), f"{type(error).__name__} says nothing"
        assert len(message) <= LONGEST, f"{len(message)} characters: {message[:200]}"


@contextmanager
def within(seconds=1.0):
    """Fail if the processor was at it for longer, whatever else the machine does."""
    begin = time.process_time()
    yield
    took = time.process_time() - begin
    assert took <= seconds, f"took {took:.2f} s"


def text_of(data):
    """Bytes as text, so that every text can be had, with lone surrogates too."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")
