"""Our own engine: plans, runs and cancels the builds of one workspace.

Nothing here stores a row itself; state goes through the recorder that the port names.
"""
