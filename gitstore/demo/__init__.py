"""A small, real conda channel made on this machine, for `gitstore demo` and for the tests."""
