"""The background process: its start, its parts wired together, and its end.

The wiring is the one place that knows every class.
"""
