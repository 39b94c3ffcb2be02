"""Where `${NAME}` values are kept: the OS keyring, or an encrypted file on a machine without one.

Nothing here knows the configuration that uses them; heavy libraries are imported only when a secret is really read or written.
"""
