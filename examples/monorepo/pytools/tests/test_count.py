import unittest

from wordtools.count import count_words


class CountWords(unittest.TestCase):
    def test_case_and_punctuation_do_not_matter(self) -> None:
        assert count_words("Build, build; BUILD!") == {"build": 3}

    def test_an_empty_text_has_no_words(self) -> None:
        assert count_words(" ... ") == {}


if __name__ == "__main__":
    unittest.main()
