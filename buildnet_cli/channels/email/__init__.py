"""Mail by SMTP, SendGrid or Amazon SES: one adapter for each, and the one mail they all carry.

No retry and no routing here, and nothing that reads mail.
"""
