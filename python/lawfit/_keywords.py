"""Misspelt keyword arguments, refused with the name that was meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from typing import ParamSpec, TypeVar

from lawfit._validate import closest

__all__ = ["check_keywords", "known_keywords"]

P = ParamSpec("P")
R = TypeVar("R")


def known_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that its refusal of an unknown keyword names the nearest it has."""
    names = tuple(name for name in inspect.signature(function).parameters if name != "self")
    called = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        check_keywords(called, names, options)
        return function(*args, **options)

    return checked


def check_keywords(called: str, names: Collection[str], options: Iterable[str]) -> None:
    """Refuse the first of some keywords that a function does not have."""
    unknown = next((name for name in options if name not in names), None)
    if unknown is not None:
        raise TypeError(f"{called}: {unknown!r} is no option of it{closest(unknown, names)}")
