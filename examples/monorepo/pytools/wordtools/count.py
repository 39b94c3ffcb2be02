"""How often each word of a text occurs."""

from collections import Counter


def count_words(text: str) -> Counter[str]:
    """Words in lower case, without the punctuation around them."""
    words = (word.strip(".,;:!?\"'()").lower() for word in text.split())
    return Counter(word for word in words if word)
