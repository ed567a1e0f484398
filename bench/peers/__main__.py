"""Run jobs with every solver that is here, interleaved, on one thread.

    python -m bench.peers [J1a J1b ...] [--quick] [--full] [--json PATH] [--markdown PATH]

Times are wall times of one process, warm: each contestant has done the job once before (imports,
compilation and first calls are not in them). Every solver minimises the same objective; see the
column of objectives, and how many starts or problems came within 1e-6 of the best of all. The last
column of numbers is how many times lawfit's first row it takes, by the medians.
"""

import os

# Before numpy and JAX are imported: one thread each.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

from bench.peers.driver import main  # noqa: E402

if __name__ == "__main__":
    main()
