"""What the commands share: options and files read, refusals and exit codes, JSON printed."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import numpy as np
import typer
from rich.console import Console

from lawfit import laws as catalogue
from lawfit._files import check_place
from lawfit._json import MAX_TEXT, parse_json
from lawfit._printable import printable, shown
from lawfit._validate import closest
from lawfit.grouped import GroupedFit
from lawfit.groups import Key, label
from lawfit.io.sources import has_log_name
from lawfit.io.tail import check_regular
from lawfit.law import Law
from lawfit.result import Fit
from lawfit.saved import plain

__all__ = [
    "ANY_WIDTH",
    "BAD_DATA",
    "INTERRUPTED",
    "NOT_CONVERGED",
    "AsJson",
    "FitFile",
    "Group",
    "Level",
    "above_0",
    "assigned",
    "check_out",
    "check_usable",
    "complete_law",
    "console",
    "given",
    "has_values",
    "number",
    "numbers",
    "numbers_above_0",
    "print_json",
    "read_any_fit",
    "read_fit",
    "read_law",
    "refusing",
    "say",
    "values_of",
]

BAD_DATA: Final = 3
NOT_CONVERGED: Final = 4
INTERRUPTED: Final = 130
# What the tables need. A narrower terminal wraps their lines, which keeps the numbers whole.
WIDTH: Final = 80
ANY_WIDTH: Final = 10**5  # of a table of numbers alone, none of which may be cut short
STDIN: Final = "-"

T = TypeVar("T")
Saved = TypeVar("Saved", Fit, GroupedFit, Law)


def _share(level: float) -> float:
    if not 0 < level < 1:
        raise typer.BadParameter(f"{level} is not between 0 and 1", param_hint="--level")
    return level


def above_0(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option's value that is no finite number above 0."""
    if value is not None and not 0 < value < math.inf:
        problem = f"{value:g} is no finite number above 0"
        raise typer.BadParameter(problem, param_hint=param.opts[0])
    return value


FitFile = Annotated[
    str, typer.Argument(help="A saved fit, JSON; - is standard input.", metavar="FIT")
]
Group = Annotated[str | None, typer.Option(help="Of a fit across groups: whose.")]
Level = Annotated[float, typer.Option(help="Of the intervals.", callback=_share)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, on stdout.")]


def check_out(out: Path, fit: str | None = None) -> None:
    """Refuse a place for --out that can't be written, before there is anything to write.

    So is one where a log lies, or the fit that is read: ``--out runs/*.csv`` names a log.
    """
    if str(out) == STDIN:  # or there were a file of this name, which nothing reads
        raise typer.BadParameter(f"{STDIN} is no file", param_hint="--out")
    if check_place(out) is None:
        return
    if has_log_name(out.name):
        kind = "a log by its name"
    elif fit is not None and Path(fit).exists() and out.samefile(fit):
        kind = "the fit that is read"
    else:
        return
    raise typer.BadParameter(f"{printable(str(out))} is there, and {kind}", param_hint="--out")


def given(option: str | None, read: Callable[[], T]) -> T:
    """Return what an option's value gives, or refuse the option."""
    try:
        return read()
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(printable(str(error)), param_hint=option) from None


@contextmanager
def refusing() -> Iterator[None]:
    """End with one line on stderr and code 3 where data are refused."""
    try:
        yield
    except (TypeError, ValueError) as error:
        say(str(error))
        raise typer.Exit(BAD_DATA) from None


def say(text: str) -> None:
    """Say something on stderr, on one line."""
    typer.echo(f"lawfit: {printable(text)}", err=True)


def console(width: int = WIDTH) -> Console:
    """Return where tables are printed, at least so wide: names in them are text, never markup."""
    made = Console(highlight=False, markup=False, emoji=False)
    made.width = max(width, made.width)
    return made


def print_json(value: Any) -> None:
    """Print plain values, and numbers that JSON lacks by name, as JSON in ASCII on one line."""
    typer.echo(json.dumps(plain(value), allow_nan=False))


def values_of(answer: Any) -> dict[str, Any]:
    """Return the fields of a record as plain values, by name."""
    fields = {field.name: getattr(answer, field.name) for field in dataclasses.fields(answer)}
    return {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in fields.items()
    }


def number(name: str, text: str) -> float:
    """Return the number that a text is.

    Raises
    ------
    ValueError
        If it is none, or not finite.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name}: {shown(text)} is no number")
    return found


def numbers(name: str, text: str) -> list[float]:
    """Return the numbers of a list such as ``1e9,7e10``."""
    return [number(name, item) for item in text.split(",")]


def numbers_above_0(name: str, text: str) -> list[float]:
    """Return the numbers of a list, of which none may be 0 or less."""
    found = numbers(name, text)
    for value in found:
        if not value > 0:
            raise ValueError(f"{value:g} is not above 0")
    return found


def assigned(texts: Iterable[str], known: Iterable[str], what: str) -> dict[str, str]:
    """Return what ``name=value`` texts say, by name.

    Raises
    ------
    ValueError
        If a text says nothing so, a name is unknown or comes twice.
    """
    known = list(known)
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{shown(text)} is no name=value")
        if name not in known:
            raise ValueError(f"{shown(name)} is no {what}{closest(name, known)}")
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = value
    return found


def read_law(text: str) -> Law:
    """Return the law of that name, or the one that a JSON file describes, as `Law.to_dict` does."""
    if text not in catalogue.names() and Path(text).suffix == ".json":
        return _described(Law, text, _parsed(text))
    return catalogue.get(text)


def complete_law(incomplete: str) -> list[str]:
    """Return the laws whose names begin so."""
    return [name for name in catalogue.names() if name.startswith(incomplete)]


def read_fit(path: str, group: str | None = None, *, option: str = "") -> Fit:
    """Read a saved fit; of one across groups, that of the group named.

    `option` is what names the group, empty where nothing does.

    Raises
    ------
    ValueError, TypeError
        If the file holds no fit, or none of that group, naming it.
    OSError
        If it can't be read.
    """
    found = read_any_fit(path)
    if isinstance(found, Fit):
        if group is None:
            return found
        raise ValueError(f"{_name(path)}: is no fit across groups, and has no group {group!r}")
    if group is None:
        hint = f"; {option} takes" if option else "; expected that of one, such as of"
        raise ValueError(f"{_name(path)}: is a fit across groups{hint} {_some(found.groups)}")
    try:
        return found[_key(group, found.groups)]
    except ValueError as error:
        raise ValueError(f"{_name(path)}: {error}") from None


def _key(text: str, groups: Iterable[Key]) -> Key:
    """Return the group that a text means, as it is shown or as another text of its number."""
    by_text = {label(key): key for key in groups}
    try:
        return by_text[text] if text in by_text else float(text)
    except ValueError:
        return text


def read_any_fit(path: str) -> Fit | GroupedFit:
    """Read a saved fit, which may be one across groups."""
    data = _parsed(path)
    if isinstance(data, Mapping) and "groups" in data:
        return _described(GroupedFit, path, data)
    return _described(Fit, path, data)


def _described(kind: type[Saved], path: str, data: Any) -> Saved:
    """Return what plain values describe, or refuse them, naming the file."""
    try:
        return kind.from_dict(data)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{_name(path)}: {error}") from None


def _some(groups: Iterable[Key]) -> str:
    first = [label(key) for key in groups]
    return ", ".join(first[:5]) + (", …" if len(first) > 5 else "")


def _parsed(path: str) -> Any:
    return parse_json(_content(path), _name(path))


def _name(path: str) -> str:
    return "standard input" if path == STDIN else path


def _content(path: str) -> bytes:
    if path == STDIN:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "is closed", _name(path))
        return sys.stdin.buffer.read(MAX_TEXT + 1)
    place = Path(path)
    check_regular(place, "a file of JSON")
    with place.open("rb") as file:
        return file.read(MAX_TEXT + 1)


def check_usable(fit: Fit | GroupedFit, path: str) -> None:
    """Say that a saved fit has not converged; end with code 4 where it has no parameters."""
    if fit.success:
        return
    say(f"{_name(path)}: the fit ended as {fit.status!r}: {fit.message}")
    if not has_values(fit):
        raise typer.Exit(NOT_CONVERGED)


def has_values(fit: Fit | GroupedFit) -> bool:
    """Say whether every parameter has a value: there is none where a search found nothing."""
    fits = fit.fits if isinstance(fit, GroupedFit) else (fit,)
    return all(math.isfinite(value) for one in fits for value in one.params.values())
