"""Learning coefficients of linear networks: anywhere for two layers, at the most singular minimum for any depth."""

from fractions import Fraction
from itertools import combinations

from ntadyn.degeneracy.closed_form.exact import Exact, regular


def deep_linear(widths: tuple[int, ...], rank: int) -> Exact:
    """The coefficient of the map W_L ... W_1, near the most singular weights that give a target of rank r.

    With M_1 <= M_2 <= ... the widths less r in ascending order, take the smallest l >= 1 with S < l M_(l+2), where S =
    M_1 + ... + M_(l+1); l = L if there is none. The l + 1 narrowest layers decide: with c = ceil(S / l) and
    a = S - (c - 1) l,

        lambda = (r (H_1 + H_(L+1)) - r^2) / 2 + a (l - a) / (4 l) - (l - 1) S^2 / (4 l) + 1/2 sum_(i<j) M_i M_j,
        m = a (l - a) + 1.

    Args:
        widths: H_1 ... H_(L+1): inputs, hidden layers, outputs; at least two, each at least one.
        rank: r of the target, from 0 to the smallest width.

    Returns:
        The coefficient of the squared error at the global minimum: the smallest over the set of zero loss.

    Raises:
        ValueError: for fewer than two widths, a width below one, or a rank that the narrowest layer cannot carry.

    Source: Aoyagi 2024 (Entropy 26, Theorem 1), Consideration on the learning efficiency of multiple-layered neural
    networks with linear units.
    """
    if len(widths) < 2 or min(widths) < 1 or not 0 <= rank <= min(widths):
        raise ValueError(
            f"deep_linear: got widths {widths} and rank {rank}; give at least two widths of one or more, and a rank "
            f"from 0 to the smallest width."
        )
    spare = sorted(width - rank for width in widths)
    depth = len(spare) - 1
    layers = next((n for n in range(1, depth) if sum(spare[: n + 1]) < n * spare[n + 1]), depth)
    narrowest = spare[: layers + 1]
    total = sum(narrowest)
    share = -(-total // layers)
    rest = total - (share - 1) * layers
    coefficient = (
        Fraction(rank * (widths[0] + widths[-1]) - rank**2, 2)
        + Fraction(rest * (layers - rest) - (layers - 1) * total**2, 4 * layers)
        + Fraction(sum(i * j for i, j in combinations(narrowest, 2)), 2)
    )
    return Exact(coefficient, rest * (layers - rest) + 1)


def two_layer(inputs: int, hidden: int, outputs: int, rank: int) -> Exact:
    """The coefficient of W2 W1, near the most singular weights that give a target of rank r: reduced rank regression.

    With M inputs, H hidden units and N outputs, three cases have one width too large to matter:
    (H M - H r + N r) / 2 if M + H < N + r; (H N - H r + M r) / 2 if N + H < M + r; M N / 2 if M + N < H + r. Otherwise
    lambda = (2 (H + r)(M + N) + 2 M N - (H + r)^2 - M^2 - N^2 + odd) / 8, where odd = 1 and m = 2 if M + N + H + r is
    odd, and odd = 0 and m = 1 if it is even. A layer without units carries nothing: lambda = 0.

    Args:
        inputs: M, at least 0.
        hidden: H, at least 0.
        outputs: N, at least 0.
        rank: r of the target, from 0 to the smallest width.

    Returns:
        The coefficient of the squared error at the global minimum: the smallest over the set of zero loss.

    Raises:
        ValueError: for a negative width, or a rank that the narrowest layer cannot carry.

    Source: Aoyagi and Watanabe 2005 (Neural Networks 18, 924), Theorem 1.
    """
    m, h, n, r = inputs, hidden, outputs, rank
    if min(m, h, n) < 0 or not 0 <= r <= min(m, h, n):
        raise ValueError(
            f"two_layer: got {m} inputs, {h} hidden units, {n} outputs and rank {r}; give widths of 0 or more, and a "
            f"rank from 0 to the smallest of them."
        )
    if m + h < n + r:
        return regular(h * m - h * r + n * r)
    if n + h < m + r:
        return regular(h * n - h * r + m * r)
    if m + n < h + r:
        return regular(m * n)
    odd = (m + n + h + r) % 2
    eighths = 2 * (h + r) * (m + n) + 2 * m * n - (h + r) ** 2 - m**2 - n**2 + odd
    return Exact(Fraction(eighths, 8), 1 + odd)


def two_layer_at(inputs: int, hidden: int, outputs: int, rank_w1: int, rank_w2: int, rank: int) -> Exact:
    """The coefficient of W2 W1 at weights of given ranks: it differs from point to point of the set of zero loss.

    With M inputs, H hidden units, N outputs, r1 = rank W1, r2 = rank W2 and r = rank W2 W1,

        lambda = (N r1 + M r2 - r1 r2) / 2 + lambda_0,

    where lambda_0, and m, are those of `two_layer` of rank 0 with M - r1 inputs, H - r1 - r2 + r hidden units and
    N - r2 outputs.

    Why: the differential dW2 W1 + W2 dW1 reaches every entry of the product but those from inputs that W1 ignores to
    outputs that W2 never reaches, so N M - (N - r2)(M - r1) = N r1 + M r2 - r1 r2 functions of the weights serve as
    coordinates: the entries that it reaches. The loss is regular in them. Where they are zero, the other entries
    remain. To see them, choose bases in which W1 and W2 are identities next to zeros. The hidden space falls into four
    parts: what W1 reaches and W2 reads (r directions), what W1 reaches and W2 ignores (r1 - r), what W2 reads and W1
    never reaches (r2 - r), and what both leave alone (H - r1 - r2 + r). Nearby, too, W1 fills the first two parts by an
    invertible block, and W2 reads the first and the third by another one. A change of the basis of hidden
    units, which the product does not notice, and elimination by these blocks clear what goes from ignored inputs
    through the first three parts, up to the coordinates. What is left is a product through the fourth part alone, of
    two matrices that are both zero here and free nearby.

    Args:
        inputs: M.
        hidden: H.
        outputs: N.
        rank_w1: r1.
        rank_w2: r2.
        rank: r.

    Returns:
        The coefficient of the squared distance to the map of these weights.

    Raises:
        ValueError: for ranks that no such matrices have.
    """
    m, h, n, r1, r2, r = inputs, hidden, outputs, rank_w1, rank_w2, rank
    if not (0 <= r1 <= min(m, h) and 0 <= r2 <= min(n, h) and max(0, r1 + r2 - h) <= r <= min(r1, r2)):
        raise ValueError(
            f"two_layer_at: no W1 of shape ({h}, {m}) and rank {r1} and W2 of shape ({n}, {h}) and rank {r2} have a "
            f"product of rank {r}; a matrix has at most the rank of its smaller side, and the product has a rank from "
            f"rank_w1 + rank_w2 - hidden to the smaller of the two."
        )
    return regular(n * r1 + m * r2 - r1 * r2) + two_layer(m - r1, h - r1 - r2 + r, n - r2, 0)
