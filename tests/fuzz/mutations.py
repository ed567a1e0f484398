"""Small changes to JSON values, as bytes tell them."""

import copy
import json
import math

# What a field may be found to hold.
PALETTE = [
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 5e-324, 10**400, 2**63, 2**53 + 1, "",
    "a", "NaN", "Infinity", "-Infinity", math.nan, math.inf, "\ud800", "\x00", "\u202e", "x" * 5000,
    [], {}, [[]], [{}], {"": 0}, {"a": {}}, [1] * 50, ["a", 1], [0.0, 1.0], "lower", "1e5",
    "__import__('os')", "a*x**-b+c", {"name": "a"}, 10**30, "converged", "\ud83d", [None],
]  # fmt: skip


class Bytes:
    """Numbers from bytes; zeros when these are used up."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def __len__(self):
        return max(0, len(self._data) - self._at)

    def below(self, n):
        """Return a number from 0 to n - 1."""
        self._at += 1
        return self._data[self._at - 1] % n if self._at <= len(self._data) else 0

    def rest(self):
        """Return all bytes that are left."""
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest


def mutated(record, data):
    """Return JSON text of a record with some of its values changed; the record stays as it is."""
    bytes_ = Bytes(data)
    record = copy.deepcopy(record)
    for _ in range(1 + bytes_.below(4)):
        record = _changed(record, bytes_)
        if not len(bytes_):
            break
    text = json.dumps(record, ensure_ascii=bool(bytes_.below(2)))
    return _edited(text, bytes_) if len(bytes_) else text


def _changed(value, bytes_):
    """Walk down to some value, then replace, remove, repeat or add there."""
    depth = bytes_.below(8)
    holder = value
    path = []
    while depth and isinstance(holder, dict | list) and holder:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        path.append((holder, keys[bytes_.below(len(keys))]))
        holder = holder[path[-1][1]]
        depth -= 1
    if not path:
        return copy.deepcopy(PALETTE[bytes_.below(len(PALETTE))])
    parent, key = path[-1]
    kind = bytes_.below(6)
    new = copy.deepcopy(PALETTE[bytes_.below(len(PALETTE))])
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[key + "_"] = new
    elif kind == 1:
        parent.insert(key, new)
    elif kind == 2 and isinstance(parent[key], int | float):
        parent[key] *= -1
    elif kind == 3:
        parent[key] = [parent[key]] if bytes_.below(2) else copy.deepcopy(value)
    else:
        parent[key] = new
    return value


def _edited(text, bytes_):
    """Cut the text, or write into it."""
    place = bytes_.below(256) * len(text) // 256
    kind = bytes_.below(4)
    if kind == 0:
        return text[:place]
    rest = bytes_.rest().decode("latin-1")
    if kind == 1:
        return text[:place] + rest + text[place:]
    if kind == 2:  # a key twice
        return text.replace("{", '{"name": 1, "format": 1, ', 1)
    return text[:place] + rest + text[place + len(rest) :]
