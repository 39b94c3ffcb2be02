"""Mail by SMTP, SendGrid or Amazon SES: one adapter for each, the one mail they all carry, and what a mail to us asks.

No retry and no routing here; who may ask for what is not known here either.
"""
