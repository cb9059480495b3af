# Nothing for Python code: the module puts itself into the hub's hooks.
