"""What lies beside a log: a run's settings as JSON, or the learning rate of every step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from lawfit._json import MAX_TEXT, parse_json
from lawfit._printable import shown
from lawfit._validate import integer, real
from lawfit.io.schedule_text import made_schedule, rates_from_table
from lawfit.io.tail import check_regular, described
from lawfit.schedule import Schedule

__all__ = ["PACKED", "RATES", "SETTINGS", "Sidecar", "read_sidecar", "sidecars_of", "stem_of"]

SETTINGS: Final = ".json"
RATES: Final = ".lr.csv"
PACKED: Final = (".gz", ".xz", ".zst")
_IN_FOLDER: Final = ("settings.json", "lr.csv")  # beside the event files of a run


class Sidecar(NamedTuple):
    """What settings say of a run.

    Attributes
    ----------
    source : str
        The file.
    schedule : Schedule or None
    params, tokens_per_step : float or None
    steps, warmup : int or None
        Of a schedule that is made of logged rates.
    loss_unit : str or None
    notes : tuple of str
    """

    source: str
    schedule: Schedule | None = None
    params: float | None = None
    tokens_per_step: float | None = None
    steps: int | None = None
    warmup: int | None = None
    loss_unit: str | None = None
    notes: tuple[str, ...] = ()


def sidecars_of(log: Path, *, folder: bool) -> tuple[Path, Path]:
    """Return where a log's settings and rates would lie: beside a file, or within a folder."""
    if folder:
        settings, rates = _IN_FOLDER
        return log / settings, log / rates
    stem = stem_of(log)
    return log.with_name(stem + SETTINGS), log.with_name(stem + RATES)


def stem_of(path: Path) -> str:
    """Return a file's name without its ending, and the one before that of a compressed file."""
    packed = path.suffix.lower() in PACKED and bool(Path(path.stem).suffix)
    return Path(path.stem).stem if packed else path.stem


def read_sidecar(log: Path, *, folder: bool) -> Sidecar | None:
    """Return what lies beside a log, or None.

    Settings are a JSON object; of its keys ``params``, ``tokens_per_step``, ``steps``, ``warmup``,
    ``loss_unit`` and ``schedule`` are looked at, or ``lr`` or ``pieces`` as of
    `Schedule.to_dict`. A schedule is such an object, or a text like ``"wsd steps=… peak=…"``;
    text that is no schedule and an ``lr`` that is one number are labels, and noted. A saved fit
    beside the log is passed over.

    Raises
    ------
    ValueError, TypeError
        If a value is bad, naming file and key.
    OSError
        If it can't be read.
    """
    settings, rates = sidecars_of(log, folder=folder)
    found = _read_settings(settings) if settings != log and settings.is_file() else None
    if rates != log and rates.is_file():
        found = (found or Sidecar(""))._replace(
            schedule=rates_from_table(rates), source=described(rates)
        )
    return found


def _read_settings(path: Path) -> Sidecar | None:
    check_regular(path)
    source = described(path)
    with path.open("rb") as file:
        content = file.read(MAX_TEXT + 1)
    data = parse_json(content.removeprefix(b"\xef\xbb\xbf"), source)
    if not isinstance(data, dict):
        raise ValueError(f"{source} is {shown(data)}; expected a JSON object with settings")
    if "log_history" in data or _is_saved_fit(data):  # a log itself, or what was made of one
        return None
    unit = data.get("loss_unit")
    if unit is not None and not isinstance(unit, str):
        raise TypeError(f"{source}: loss_unit is {shown(unit)}; expected a string")
    schedule, notes = _schedule(data, source)
    return Sidecar(
        source,
        schedule,
        params=_positive(data, "params", source),
        tokens_per_step=_positive(data, "tokens_per_step", source),
        steps=_whole(data, "steps", source, 1),
        warmup=_whole(data, "warmup", source, 0),
        loss_unit=unit,
        notes=notes,
    )


def _is_saved_fit(data: Mapping[str, Any]) -> bool:
    return "format" in data and ("law" in data or "fits" in data)


def _positive(data: Mapping[str, Any], key: str, source: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    return real(value, field=key, source=source, lower=0.0, strict=True)


def _whole(data: Mapping[str, Any], key: str, source: str, lower: int) -> int | None:
    value = data.get(key)
    return None if value is None else integer(value, field=key, source=source, lower=lower)


def _schedule(data: Mapping[str, Any], source: str) -> tuple[Schedule | None, tuple[str, ...]]:
    given = data.get("schedule")
    try:
        if isinstance(given, str):
            made = made_schedule(given) if "=" in given else None
            label = f"beside the log, the schedule {shown(given)} is a label: it has no arguments"
            return made, () if made else (label,)
        if given is not None:
            return Schedule.from_dict(given), ()
        lr = data.get("lr")
        if isinstance(lr, int | float):
            label = f"beside the log, lr {shown(lr)} is a label"
            return None, (f"{label}: it is no list with the rate of every step",)
        keys = ("warmup", "lr", "pieces")
        whole = {key: data[key] for key in keys if data.get(key) is not None}
        return (Schedule.from_dict(whole) if len(whole.keys() - {"warmup"}) else None), ()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from None
