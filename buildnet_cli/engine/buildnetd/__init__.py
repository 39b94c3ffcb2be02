"""The engine that speaks for a real BuildNet daemon: our queue in front of it, its HTTP contract, its health and its news.

Nothing here builds by itself, and nothing trusts the daemon to do what it does not do.
"""
