"""HTTP: one application on the Unix socket and on TCP, and the standard-library client for the terminal.

Routes translate; what they mean is decided below.
"""
