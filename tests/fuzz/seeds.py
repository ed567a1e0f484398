"""Write the catalogue's laws as the core's fuzz targets read them: seeds.py DIRECTORY.

The files go to cpp/fuzz/corpus/program.
The layout is that of cpp/fuzz/programs.hpp: counts, constants, then three bytes an instruction.
"""

import hashlib
import struct
import sys
from pathlib import Path

import lawfit as lf


def _number(value):
    return b"\xff" + struct.pack("<d", value)  # any_number(): a double as it is


def _program(law):
    constants = law.constants or (1.0,)
    code = [(lf._core.OPCODES[op], a, b) for op, a, b in law.instructions]
    head = bytes([len(law.parameters), len(law.columns), len(constants) - 1])
    body = b"".join(map(_number, constants))
    return head + body + bytes([len(code) - 1]) + b"".join(map(bytes, code))


def _fits(law):
    return len(law.parameters) <= 8 and len(law.instructions) <= 64 and len(law.constants) <= 8


def main(folder):
    """Write one seed a law."""
    folder.mkdir(parents=True, exist_ok=True)
    for law in filter(_fits, map(lf.laws.get, lf.laws.names())):
        theta = b"".join(_number(0.3 + 0.1 * k) + b"\x01" for k in range(len(law.parameters)))
        rest = hashlib.sha256(law.name.encode()).digest()  # data, options: anything
        (folder / law.name).write_bytes(b"\x01" + _program(law) + theta + rest)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
