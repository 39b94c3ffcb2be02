"""Providers: one folder each, turning one message into one request and its answer into an outcome.

No retry, no routing and no settings look-up in here.
"""
