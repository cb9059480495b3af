# Nothing for Python code.
