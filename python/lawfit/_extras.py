"""Optional dependencies: what is missing, and which extra brings it."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["MissingExtra", "require"]


class MissingExtra(ImportError):  # noqa: N818 - read as a sentence where it is caught
    """An optional dependency is not installed; the message says what brings it."""


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional dependency.

    Parameters
    ----------
    module : str
        Name of the module, dotted or not.
    extra : str
        The extra of lawfit that brings it.

    Raises
    ------
    MissingExtra
        If it is not installed. An error inside an installed module is passed on as it is.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if (error.name or package).partition(".")[0] != package:
            raise  # installed, but something it needs itself is not
        raise MissingExtra(
            f"{package} is not installed; run: pip install 'lawfit[{extra}]'", name=package
        ) from None
