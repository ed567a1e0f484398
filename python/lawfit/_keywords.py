"""Misspelt keyword arguments, refused with the name that was meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lawfit._validate import closest

__all__ = ["known_keywords"]

P = ParamSpec("P")
R = TypeVar("R")


def known_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that its refusal of an unknown keyword names the nearest it has."""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    known = frozenset(names)
    called = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        if not known.issuperset(options):
            name = next(name for name in options if name not in known)
            raise TypeError(f"{called}: {name!r} is no option of it{closest(name, names)}")
        return function(*args, **options)

    return checked
