"""One file per group of endpoints.

Each reads a request, makes one call, and writes the answer.
"""
