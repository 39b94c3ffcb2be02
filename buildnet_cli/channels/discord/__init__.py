"""Discord: a bot that posts to channels, replies and changes what it posted; and the form and answers that webhooks share.

What comes in is proved and read here too, and nothing more: who may ask for what is decided elsewhere.
"""
