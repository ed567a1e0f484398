"""Several curves, found by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, overload

from lawfit._printable import printable
from lawfit._validate import closest
from lawfit.curve import Curve

__all__ = ["Curves", "as_curves"]

Pick: TypeAlias = "slice | list[int] | list[str]"

LINES = 20  # curves shown by the repr of Curves


class Curves(Sequence[Curve]):
    """An immutable sequence of curves with unique names.

    Indexed by position or name for a `Curve`, by slice or list of either for `Curves`.

    Parameters
    ----------
    curves : iterable of Curve
        One without a name is named "curve 0", "curve 1", … after its position.

    Raises
    ------
    TypeError
        If an element is no Curve, or `curves` no iterable.
    ValueError
        If two have one name.
    """

    __slots__ = ("_curves",)
    _curves: dict[str, Curve]

    def __init__(self, curves: Iterable[Curve]) -> None:
        if not isinstance(curves, Iterable):
            raise TypeError(f"curves: expected an iterable of Curve, not {type(curves).__name__}")
        named: dict[str, Curve] = {}
        for index, curve in enumerate(curves):
            if not isinstance(curve, Curve):
                raise TypeError(f"curves: element {index} is a {type(curve).__name__}, not a Curve")
            name = curve.name or f"curve {index}"
            if name in named:
                first = list(named).index(name)
                raise ValueError(
                    f"curves: name {name!r} at index {index} is taken by index {first}; "
                    "curve.renamed(...) gives another"
                )
            named[name] = curve if curve.name else curve.renamed(name)
        object.__setattr__(self, "_curves", named)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the curves, in order."""
        return tuple(self._curves)

    def __len__(self) -> int:
        return len(self._curves)

    def __iter__(self) -> Iterator[Curve]:
        return iter(self._curves.values())

    def __contains__(self, item: object) -> bool:
        return item in self._curves if isinstance(item, str) else super().__contains__(item)

    @overload
    def __getitem__(self, index: int | str) -> Curve: ...
    @overload
    def __getitem__(self, index: Pick) -> Curves: ...
    def __getitem__(self, index: int | str | Pick) -> Curve | Curves:
        if isinstance(index, slice):
            return Curves(list(self)[index])
        if isinstance(index, list):
            return Curves(self[item] for item in index)
        if not isinstance(index, str):
            return list(self)[index]
        if index not in self._curves:
            raise ValueError(f"curves: name {index!r} is unknown{closest(index, self._curves)}")
        return self._curves[index]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Curves) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.names)

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise AttributeError(f"Curves are immutable: can't set {attribute!r}")

    def __delattr__(self, attribute: str) -> NoReturn:
        raise AttributeError(f"Curves are immutable: can't delete {attribute!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)

    def __repr__(self) -> str:
        names = list(map(printable, self.names))
        width = max(map(len, names), default=0)
        lines = [
            f"  {name:{width}}  {curve.described()}"
            for name, curve in zip(names[:LINES], self, strict=False)
        ]
        if len(self) > LINES:
            lines.append(f"  … and {len(self) - LINES} more")
        return "\n".join([f"<Curves: {len(self)}>", *lines])


def as_curves(data: object) -> Curves:
    """Take a Curve, Curves or an iterable of Curve as at least one curve.

    Raises
    ------
    TypeError
        If `data` is anything else.
    ValueError
        If there is no curve in it.
    """
    if isinstance(data, Curves):
        curves = data
    elif isinstance(data, Curve):
        curves = Curves([data])
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        curves = Curves(data)
    else:
        raise TypeError(f"expected a Curve or an iterable of Curve, not {type(data).__name__}")
    if not len(curves):
        raise ValueError("got 0 curves; expected at least one")
    return curves
