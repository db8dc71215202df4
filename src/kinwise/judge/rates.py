"""Two shares side by side: whether they differ, class by class, and by how much."""

import math

import numpy as np

_DEVIATES = 1.959964  # standard deviations to either side that hold 95 %


def mantel_haenszel(side: np.ndarray, rest: np.ndarray, wrong: np.ndarray, labels: np.ndarray) -> float:
    """The two-sided p value of Mantel and Haenszel's test with their correction for continuity (JNCI 1959), 0..1.

    Were mistakes spread at random within each class, then z = (|sum_c (a_c - E_c)| - 1/2) / sqrt(sum_c V_c) would be
    nearly normal, where a_c counts the mistakes of class c on the side, E_c = n_c m_c / N_c and
    V_c = n_c (N_c - n_c) m_c (N_c - m_c) / (N_c^2 (N_c - 1)), of N_c pictures of which n_c are on the side and m_c are
    mistakes. All arguments have the shape (pictures,); those that are on neither side do not count.
    """
    both = side | rest
    inside, mistakes, hits, total = (
        np.bincount(labels[which], minlength=labels.max(initial=0) + 1).astype(np.float64)
        for which in (side, both & wrong, side & wrong, both)
    )
    total = np.maximum(total, 1)
    excess = (hits - inside * mistakes / total).sum()
    spread = inside * (total - inside) * mistakes * (total - mistakes) / (total**2 * np.maximum(total - 1, 1))
    if not spread.any():
        return 1.0
    z = max(0.0, abs(excess) - 0.5) / math.sqrt(spread.sum())
    return math.erfc(z / math.sqrt(2))


def newcombe(hits: int, of: int, other_hits: int, other_of: int) -> tuple[float, float, float]:
    """The difference of two shares, hits/of - other_hits/other_of, and the ends of its 95 % interval, -1..1.

    Newcombe's hybrid of two Wilson intervals (Statistics in Medicine 1998, method 10).
    """
    share, low, high = wilson(hits, of)
    other, other_low, other_high = wilson(other_hits, other_of)
    difference = share - other
    return (
        difference,
        difference - math.hypot(share - low, other_high - other),
        difference + math.hypot(high - share, other - other_low),
    )


def wilson(hits: int, of: int) -> tuple[float, float, float]:
    """A share and the ends of its 95 % interval, 0..1 (Wilson, JASA 1927)."""
    share, square = hits / of, _DEVIATES**2
    middle = share + square / (2 * of)
    reach = _DEVIATES * math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    low, high = (middle - reach) / (1 + square / of), (middle + reach) / (1 + square / of)
    return share, max(min(low, share), 0.0), min(max(high, share), 1.0)  # rounding may reach beyond
