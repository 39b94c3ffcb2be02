"""Discord: a bot that posts to channels, replies and changes what it posted; and the form and answers that webhooks share.

Embeds, answers and pacing are pure; the adapter makes the requests. What comes in from Discord is not read here.
"""
