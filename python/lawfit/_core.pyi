from collections.abc import Callable, Sequence
from typing import Any

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
    def loss_drop(
        self, C: float, beta: float, gamma: float, warmup: str, at: _Ints, exact: bool
    ) -> _Floats: ...
    def moment_area(self, beta1: float, beta2: float, warmup: str, at: _Ints) -> _Floats: ...
    def bound_areas(self, at: _Ints, squared_norms: _Floats | None) -> tuple[_Floats, _Floats]: ...

OPCODES: dict[str, int]
STATUSES: tuple[str, ...]

class Program:
    def __init__(
        self, code: NDArray[np.int32], constants: _Floats, parameters: int, columns: int
    ) -> None: ...
    def evaluate(self, data: Data, theta: Sequence[float]) -> _Floats: ...

class Data:
    def __init__(
        self,
        rows: int,
        columns: Sequence[_Floats],
        steps: _Ints,
        tracks: Sequence[tuple[Schedule, int, int]],
        warmup: str,
        detail: str,
    ) -> None: ...
    @property
    def rows(self) -> int: ...
    def set_external(
        self,
        function: Callable[[_Floats, int], tuple[_Floats, _Floats | None, _Floats | None]],
        arguments: int,
        noise: float,
    ) -> None: ...

class Minimiser:
    def __init__(
        self,
        *,
        problem: Problem,
        lower: Sequence[float],
        upper: Sequence[float],
        max_iterations: int,
        tolerance: float,
        mean: Sequence[float] = ...,
        precision: Sequence[float] = ...,
    ) -> None: ...
    def solve(self, start: Sequence[float]) -> tuple[tuple[float, ...], float, int, int, int]: ...

class Problem:
    def __init__(
        self,
        *,
        program: Program,
        data: Data,
        y: _Floats,
        weights: _Floats,
        loss: str,
        delta: float,
        space: str,
        theta: Sequence[float],
        free: Sequence[bool],
        may_centre: Sequence[bool],
        logarithmic: Sequence[bool] = ...,
    ) -> None: ...
    @property
    def evaluator(self) -> str: ...
    @property
    def linear(self) -> list[bool]: ...
    @property
    def rounding(self) -> float: ...
    def predict(self, theta: Sequence[float]) -> _Floats: ...
    def jacobian(self, theta: Sequence[float]) -> tuple[_Floats, _Floats]: ...
    def derivatives(self, theta: Sequence[float]) -> tuple[float, _Floats, _Floats, _Floats]: ...

class Solution:
    @property
    def theta(self) -> _Floats: ...
    @property
    def objective(self) -> float: ...
    @property
    def status(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def iterations(self) -> int: ...
    @property
    def evaluations(self) -> int: ...
    @property
    def starts_asked(self) -> int: ...
    @property
    def starts_run(self) -> int: ...
    @property
    def starts_merged(self) -> int: ...
    @property
    def starts_failed(self) -> int: ...
    @property
    def starts_agreed(self) -> int: ...
    @property
    def at_lower(self) -> list[bool]: ...
    @property
    def at_upper(self) -> list[bool]: ...
    @property
    def covariance(self) -> _Floats: ...
    @property
    def precision(self) -> _Floats: ...
    @property
    def residuals(self) -> _Floats: ...
    @property
    def rank(self) -> int: ...
    @property
    def condition(self) -> float: ...
    @property
    def undetermined(self) -> list[bool]: ...
    @property
    def from_hessian(self) -> bool: ...

class StreamingRefitter:
    @staticmethod
    def of(
        *,
        program: Program,
        theta: Sequence[float],
        free: Sequence[bool],
        schedule: Schedule,
        warmup: str,
        first_step: int,
        delta: float,
        space: str,
        anchored: bool,
        lower: Sequence[float],
        upper: Sequence[float],
        max_iterations: int,
    ) -> StreamingRefitter | None: ...
    def update(self, step: object, loss: object) -> int: ...
    def start(self, theta: Sequence[float]) -> None: ...
    def decline_start(self) -> None: ...
    @property
    def started(self) -> bool: ...
    @property
    def n(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def last_step(self) -> int: ...
    @property
    def steps(self) -> _Ints: ...
    @property
    def losses(self) -> _Floats: ...
    @property
    def theta(self) -> _Floats: ...
    @property
    def objective(self) -> float: ...
    @property
    def gap(self) -> float: ...
    @property
    def status(self) -> str: ...
    @property
    def anchors(self) -> int: ...
    @property
    def forced_anchors(self) -> int: ...
    @property
    def evaluated_rows(self) -> int: ...

def build_info() -> dict[str, str | int | None]: ...
def max_threads() -> int: ...
def solve(
    *,
    problem: Problem,
    lower: Sequence[float],
    upper: Sequence[float],
    max_iterations: int,
    tolerance: float,
    starts: int,
    seed: int,
    threads: int,
    ranges: Sequence[tuple[str, float, float]],
    given: Sequence[Sequence[float]],
    coarse: Problem | None,
    timeout: float,
    program: Program | None = ...,
    data: Data | None = ...,
    theta: Sequence[float] = ...,
    free: Sequence[bool] = ...,
) -> Solution: ...
def solve_grouped(
    *,
    problems: Sequence[Problem],
    shared: Sequence[bool],
    lower: Sequence[float],
    upper: Sequence[float],
    max_iterations: int,
    tolerance: float,
    starts: int,
    seed: int,
    threads: int,
    ranges: Sequence[Sequence[tuple[str, float, float]]],
    timeout: float,
) -> tuple[Solution, list[Solution]]: ...
def bootstrap(
    *,
    problem: Problem,
    theta: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    max_iterations: int,
    tolerance: float,
    replicates: int,
    seed: int,
    threads: int,
    parts: Sequence[int],
    timeout: float,
) -> tuple[_Floats, _Floats, NDArray[np.int8]]: ...
def drawn_rows(
    *, rows: int, replicate: int, seed: int, parts: Sequence[int]
) -> NDArray[np.uint32]: ...
def group_seed(seed: int, group: int) -> int: ...
def fit_many(
    *,
    program: Program,
    data: Data,
    y: _Floats,
    weights: _Floats,
    rows: _Ints,
    first: _Ints,
    loss: str,
    delta: float,
    space: str,
    theta: Sequence[float],
    free: Sequence[bool],
    may_centre: Sequence[bool],
    logarithmic: Sequence[bool],
    lower: Sequence[float],
    upper: Sequence[float],
    max_iterations: int,
    tolerance: float,
    starts: int,
    per_parameter: int,
    seed: int,
    ranges: Sequence[Sequence[tuple[str, float, float]]],
    given: Sequence[Sequence[float]],
    coarse: tuple[int, int, int],
    replicates: int,
    threads: int,
    timeout: float,
) -> dict[str, Any]: ...
