from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]

class Schedule:
    @staticmethod
    def dense(lr: _Floats, warmup: int) -> Schedule: ...
    @staticmethod
    def from_pieces(
        pieces: Sequence[tuple[str, int, float, float, int, int, float]], warmup: int
    ) -> Schedule: ...
    @property
    def steps(self) -> int: ...
    @property
    def warmup(self) -> int: ...
    def lr(self, first: int, n: int) -> _Floats: ...
    def areas(
        self, lam: float, warmup: str, at: _Ints | None, order: int
    ) -> tuple[_Floats, ...]: ...
