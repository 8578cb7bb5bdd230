"""Texts: windows that are there, every character of the test asked for once, n-grams against counting by hand."""

import math
import sys
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks.sequence_data import Characters, Corpus, HeldOut, documentation, from_file, ngram_bits, source_code

TEXTS = (Corpus("letters", "the cat sat on the mat. " * 40), Corpus("numbers", "0123456789 " * 60))


def spelled(task, numbers):
    return "".join(task.symbols[int(number)] for number in numbers)


def test_windows_come_from_the_text_whose_turn_it_is():
    task = Characters.make(TEXTS, length=10, block_steps=3)
    for step, name in ((0, 0), (2, 0), (3, 1), (5, 1), (6, 0)):
        batch = task.draw(jax.random.key(step), 20, jnp.asarray(step))
        practised = TEXTS[name].text[: int(0.9 * len(TEXTS[name].text))]
        for inputs, targets in zip(batch.inputs, batch.targets, strict=True):
            assert spelled(task, inputs) + spelled(task, targets[-1:]) in practised
            assert jnp.array_equal(inputs[1:], targets[:-1])
    assert task.steps_per_turn == 3
    assert Characters.make(TEXTS[:1], 10).steps_per_turn is None


def test_every_character_of_the_test_is_asked_for_once_and_none_is_practised():
    task = Characters.make(TEXTS, length=7)
    for text in TEXTS:
        end, size = int(0.9 * len(text.text)), (len(text.text) - int(0.9 * len(text.text))) // 2
        for which, begin in ((HeldOut.TEST, end), (HeldOut.VALIDATION, end + size)):
            batch = task.held_out(which)[text.name]
            asked = np.asarray(batch.targets)[np.asarray(batch.weights) > 0]
            assert spelled(task, asked) == text.text[begin : begin + size]


def test_measures_are_bits_and_perplexity():
    task = Characters.make(TEXTS[:1], length=10)
    examples = task.held_out(HeldOut.TEST)["letters"]
    answers = jnp.zeros((*examples.targets.shape, task.answers[0]))
    scores = {name: np.asarray(v) for name, v in jax.vmap(task.scores)(answers, examples.targets).items()}
    found = {name: value for name, (_, value) in task.measures(scores, examples).items()}
    symbols = len(TEXTS[0].symbols)
    assert found["bits"] == pytest.approx(math.log2(symbols), abs=1e-6)
    assert found["perplexity"] == pytest.approx(symbols, rel=1e-6)


def test_ngrams_agree_with_counting_by_hand():
    """Histories as strings and counts as dictionaries, against sorted numbers."""
    text = TEXTS[0].text
    practised, tested = text[:700], "the dog sat" + text[700:760]
    symbols = sorted(set(practised + tested))

    def probability(history, letter):
        if history is None:
            return 1 / len(symbols)
        n = len(history) + 1
        follows = Counter(
            practised[i + n - 1] for i in range(len(practised) - n + 1) if practised[i:].startswith(history)
        )
        shorter = probability(history[1:] if history else None, letter)
        return (
            (follows[letter] + len(follows) * shorter) / (total)
            if (total := follows.total() + len(follows))
            else shorter
        )

    codes = {symbol: index for index, symbol in enumerate(symbols)}
    numbers = [np.array([codes[letter] for letter in part]) for part in (practised, tested)]
    found = ngram_bits(*numbers, len(symbols), (1, 2, 4))
    whole = practised + tested
    for order in (1, 2, 4):
        places = range(len(practised), len(whole))
        bits = [-math.log2(probability(whole[i - order + 1 : i], whole[i])) for i in places]
        assert found[order] == pytest.approx(np.mean(bits), abs=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="the documentation differs between versions of Python")
def test_the_documentation_is_that_of_the_specification():
    corpus = documentation()
    assert (len(corpus.text), len(corpus.symbols)) == (465_126, 103)
    assert corpus.sha256.startswith("71f2ff5d")
    assert corpus.sha256.endswith("bcee")
    task = Characters.make([corpus], 128)
    found = ngram_bits(np.asarray(task.practised), task.tested[0][1:], 103, (1, 2, 3, 5, 7))
    # Its first number was cut, not rounded.
    np.testing.assert_allclose(list(found.values()), [4.785, 3.606, 2.742, 2.196, 2.357], atol=1e-3)


def test_the_source_code_is_that_of_this_python():
    corpus = source_code()
    assert "class ArgumentParser" in corpus.text
    assert len(corpus.text) > 500_000
    assert corpus.sha256 in corpus.described()
    assert f"{len(corpus.text):,} characters" in corpus.described()


def test_what_is_no_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        from_file(str(tmp_path / "nothing.txt"))
    (tmp_path / "bytes").write_bytes(b"abc\xff")
    with pytest.raises(ValueError, match="no text in UTF-8 .* at byte 3"):
        from_file(str(tmp_path / "bytes"))
    with pytest.raises(ValueError, match="give a longer text or shorter windows"):
        Characters.make([Corpus("short", "abc" * 10)], 20)
    with pytest.raises(ValueError, match="no grams|smallest_order = 0"):
        ngram_bits(np.array([0]), np.array([0]), 2, (0, 1))
