"""The jobs by name."""

from bench.peers.area_jobs import j2a
from bench.peers.loss_drop_job import j3
from bench.peers.plan import Build
from bench.peers.refits import j1c, j2d, j4
from bench.peers.single_fits import j1a, j1b, j2b, j2c

JOBS: dict[str, Build] = {
    "J1a": j1a,
    "J1b": j1b,
    "J1c": j1c,
    "J2a": j2a,
    "J2b": j2b,
    "J2c": j2c,
    "J2d": j2d,
    "J3": j3,
    "J4": j4,
}
