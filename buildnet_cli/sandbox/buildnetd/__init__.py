"""A stand-in for a BuildNet daemon 0.1.0, with its faults: it really builds, and answers as that one does.

Nothing here is used by the agent; what the agent knows of the daemon lives in `engine/buildnetd`.
"""
