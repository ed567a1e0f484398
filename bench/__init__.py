"""Scripts that measure lawfit; not installed with it."""
