"""lawfit beside other solvers on the same objective: `python -m bench.peers --help`."""
