"""The benchmark: ``script/benchmark``. CPU time is the server's own, read from the system, not the clock on the wall."""
