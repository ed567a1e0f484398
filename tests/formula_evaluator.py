"""An evaluator of instructions that shares no code with the library."""

import math

import numpy as np

from lawfit.formula import operands

BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "logaddexp": np.logaddexp,
}
UNARY = {
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "atan": np.arctan,
    "tanh": np.tanh,
    "expit": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "abs": np.abs,
}
NAMESPACE = {
    **UNARY,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "logaddexp": np.logaddexp,
    "pi": math.pi,
}


# Where numpy's functions do not take complex numbers, or otherwise than a complex step wants: the
# branch is chosen by the real part.
COMPLEX = {
    "abs": lambda x: np.where(x.real < 0, -x, x),
    "minimum": lambda x, y: np.where(x.real <= y.real, x, y),
    "maximum": lambda x, y: np.where(x.real >= y.real, x, y),
    "logaddexp": lambda x, y: x + np.log1p(np.exp(y - x)),
}


def evaluate(formula, values, areas=None, operations=None):
    """Run the instructions; `areas` are functions, `operations` replace numpy's."""
    results = []
    table = {**UNARY, **BINARY, **(operations or {})}
    with np.errstate(all="ignore"):
        for position, (op, a, b) in enumerate(formula.instructions):
            if op == "constant":
                value = np.float64(formula.constants[a])
            elif op == "parameter":
                value = values[list(formula.parameters)[a]]
            elif op == "column":
                value = values[formula.columns[a]]
            elif areas and op in areas:
                given = operands((op, a, b))
                assert all(k < position for k in given)
                value = areas[op](*(results[k] for k in given))
            elif op == "argument":
                value = results[a]
            elif op in BINARY:
                assert max(a, b) < position
                value = table[op](results[a], results[b])
            else:
                assert a < position
                assert b == 0
                value = table[op](results[a])
            results.append(value)
    return results[-1]


def direct(text, values):
    """What Python itself makes of the same text."""
    with np.errstate(all="ignore"):
        return eval(" ".join(text.split()), {"__builtins__": {}}, {**NAMESPACE, **values})
