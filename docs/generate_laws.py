"""Write docs/laws.md from the catalogue: `python docs/generate_laws.py`."""

from collections.abc import Iterator
from pathlib import Path

from lawfit import laws
from lawfit.law import Law

PAGE = Path(__file__).with_name("laws.md")
INTRODUCTION = """# The laws

Every law of the catalogue, as `lawfit laws` and `lf.laws.get(name)` know it. This page is written
by `python docs/generate_laws.py`; change the records in `python/lawfit/laws/`, not the page.

A law is fitted by name, `lf.fit("chinchilla", data)`, and evaluated at known parameters by
`lf.predict("chinchilla", params, data)`. "From" says what the data must bring: columns, or curves
with a schedule. Starts are drawn from the range given, or from one that is scaled from the data. A
logarithmic parameter is sought, and its interval taken, on the logarithm. Conventions are those of
the source; `fit` takes them unless told otherwise.
"""


def page() -> str:
    """Return the page's text."""
    parts = [INTRODUCTION]
    for family, names in laws.families().items():
        parts.append(f"## {family[0].upper()}{family[1:]}\n")
        parts += ["\n".join(section(laws.get(name))) for name in names]
    return "\n".join(parts)


def section(law: Law) -> Iterator[str]:
    """Return the lines on one law."""
    yield f"### {law.name}\n"
    yield f"{law.description}\n"
    yield "```text"
    yield from law.equations()
    yield "```\n"
    yield "| parameter | meaning | unit | bounds | starts |"
    yield "|---|---|---|---|---|"
    for name, known in law.parameters.items():
        starts = "{:g} to {:g}".format(*known.typical) if known.typical else "from the data"
        yield f"| `{name}` | {known.meaning} | {known.unit} | {known.domain} | {starts} |"
    yield f"\nFrom: {', '.join(f'`{name}`' for name in law.inputs)}."
    if law.conventions:
        told = ", ".join(f"`{key}={value!r}`" for key, value in law.conventions.items())
        yield f"Conventions: {told}."
    yield f"Source: {law.source}.\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
