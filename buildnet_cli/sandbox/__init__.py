"""Local stand-ins for providers, with an inbox page: the demo and the tests both run on it.

Nothing in the product depends on it.
"""
