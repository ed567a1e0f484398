"""An evaluator of instructions that shares no code with the library, and NIST's formulas."""

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


NIST = {
    "Bennett5": "b1*(b2+x)**(-1/b3)",
    "BoxBOD, Misra1a": "b1*(1-exp(-b2*x))",
    "Chwirut": "exp(-b1*x)/(b2+b3*x)",
    "DanWood": "b1*x**b2",
    "ENSO": """b1+b2*cos(2*pi*x/12)+b3*sin(2*pi*x/12)+b5*cos(2*pi*x/b4)+b6*sin(2*pi*x/b4)
    +b8*cos(2*pi*x/b7)+b9*sin(2*pi*x/b7)""",
    "Eckerle4": "(b1/b2)*exp(-((x-b3)/b2)**2/2)",
    "Gauss": "b1*exp(-b2*x)+b3*exp(-(x-b4)**2/b5**2)+b6*exp(-(x-b7)**2/b8**2)",
    "Hahn1, Thurber": "(b1+b2*x+b3*x**2+b4*x**3)/(1+b5*x+b6*x**2+b7*x**3)",
    "Kirby2": "(b1+b2*x+b3*x**2)/(1+b4*x+b5*x**2)",
    "Lanczos": "b1*exp(-b2*x)+b3*exp(-b4*x)+b5*exp(-b6*x)",
    "MGH09": "b1*(x**2+x*b2)/(x**2+x*b3+b4)",
    "MGH10": "b1*exp(b2/(x+b3))",
    "MGH17": "b1+b2*exp(-x*b4)+b3*exp(-x*b5)",
    "Misra1b": "b1*(1-(1+b2*x/2)**(-2))",
    "Misra1c": "b1*(1-(1+2*b2*x)**(-0.5))",
    "Misra1d": "b1*b2*x/(1+b2*x)",
    "Nelson": "b1-b2*x1*exp(-b3*x2)",
    "Rat42": "b1/(1+exp(b2-b3*x))",
    "Rat43": "b1/((1+exp(b2-b3*x))**(1/b4))",
    "Roszman1": "b1-b2*x-atan(b3/(x-b4))/pi",
}
