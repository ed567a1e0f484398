"""Formulas: any text is a law, which the core takes and JSON brings back, or refused at a place."""

import json
import re

import numpy as np
from promises import may_refuse, text_of

import lawfit as lf
from lawfit.formula import AREAS, FUNCTIONS, FormulaError, operands

# A formula, then parameters, columns, expressions of where and the unknown, as far as given.
SEPARATOR = "\x1f"
_NAME = re.compile(r"[^\W\d]\w*")
_KNOWN = {*FUNCTIONS, *AREAS, "pi"}


def seeds():
    """The catalogue, with names spelt out and without."""
    for law in map(lf.laws.get, lf.laws.names()):
        where = ";".join(f"{name}={text}" for name, text in law.where.items())
        fields = [law.formula, ",".join(law.parameters), ",".join(law.columns), where]
        if law.implicit:
            fields.append(law.y)
        yield law.name, SEPARATOR.join(fields).encode()
        yield f"{law.name}_bare", law.formula.encode()


def _parts(text):
    formula, *rest = text.split(SEPARATOR)
    if not rest:  # what looks like a parameter is one
        names = dict.fromkeys(n for n in _NAME.findall(formula) if n not in _KNOWN)
        return formula, [n for n in names if n[0].islower() and n != "x"], None, {}, None
    parameters, columns, where, unknown, *_ = (*rest, "", "", "", "")
    expressions = (part.partition("=") for part in where.split(";") if part)
    return (
        formula,
        parameters.split(","),
        columns.split(",") if columns else None,
        {name: expression for name, _, expression in expressions},
        unknown or None,
    )


def target(data):
    """Read a formula."""
    formula, parameters, columns, where, unknown = _parts(text_of(data))
    law = None
    with may_refuse():
        try:
            law = lf.Law(
                "fuzzed",
                formula,
                parameters,
                y=unknown or "y_",
                columns=columns,
                where=where,
                implicit=unknown is not None,
            )
        except FormulaError as error:
            place = error.position
            assert place is None or 0 <= place <= len(error.formula)
            raise
    if law is not None:
        _check(law)


def _check(law):
    for place, instruction in enumerate(law.instructions):
        assert all(0 <= k < place for k in operands(instruction))
    assert set(law.positive_columns) <= set(law.columns)
    assert lf.Law.from_dict(json.loads(json.dumps(law.to_dict()))) == law
    assert law.summary()
    if law.uses_schedule:
        assert law._program is not None
        return
    rows = np.array([0.5, 1.0, 3.0])
    values = np.linspace(0.3, 1.7, len(law.parameters))
    core = lf._core.Data(
        rows=3, columns=[rows] * len(law.columns), steps=[], tracks=[], warmup="actual",
        detail="fine",
    )  # fmt: skip
    assert law._program.evaluate(core, list(values)).shape == (3,)
