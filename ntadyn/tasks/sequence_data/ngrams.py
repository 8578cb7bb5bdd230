r"""What counting does: n-grams of characters, interpolated after Witten and Bell.

    p_n(w | h) = (c(h w) + t(h) p_{n-1}(w | h')) / (c(h) + t(h)),        p_0 = 1 / V

c: how often, in the practised text; t(h): how many different symbols followed h; h': the history without its oldest
symbol. Histories that were never seen leave it to the shorter ones.

Source: Witten and Bell 1991, method C; interpolated as in Chen and Goodman 1999.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from ntadyn.tasks.sequence_data.sequence_task import check_sizes


def ngram_bits(
    practised: Int[np.ndarray, " n"], tested: Int[np.ndarray, " m"], symbols: int, orders: Sequence[int]
) -> dict[int, float]:
    """Mean of -log2 p_n of all tested characters, each after those before it, the practised ones included.

    Args:
        practised: the text that is counted, as whole numbers below `symbols`.
        tested: the text that follows it.
        symbols: V.
        orders: values of n, 1 for the frequencies of single characters.

    Returns:
        Order -> bits per character.

    Raises:
        ValueError: for an order below 1, or no text.
    """
    check_sizes("n-grams", practised=len(practised), tested=len(tested), smallest_order=min(orders, default=0))
    text = np.concatenate([practised, tested]).astype(np.int64)
    place, found = np.arange(text.size), {}
    history = np.zeros(text.size, np.int64)  # of every place, as a number
    probability = np.full(text.size, 1.0 / symbols)
    for order in range(1, max(orders) + 1):
        grams, gram = np.unique(history * symbols + text, return_inverse=True)
        counts = (place >= order - 1) & (place < len(practised))
        of_grams = np.bincount(gram[counts], minlength=grams.size)
        of_histories = np.bincount(history[counts], minlength=history.max() + 1)
        followers = np.bincount(grams[of_grams > 0] // symbols, minlength=of_histories.size)
        seen, different = of_histories[history], followers[history]
        known = (seen > 0) & (place >= order - 1)
        interpolated = (of_grams[gram] + different * probability) / np.maximum(seen + different, 1)
        probability = np.where(known, interpolated, probability)
        if order in orders:
            found[order] = float(-np.mean(np.log2(probability[len(practised) :])))
        history = np.concatenate([[0], gram[:-1]])
    return found
