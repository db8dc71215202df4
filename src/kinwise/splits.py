"""The names of splits: how the pictures to judge by were chosen, and whether that leaves scores to compare with."""

OFFICIAL = "official"
"""The parts that the pictures came with."""

RESPLITS = {"70:30": 0.30, "80:20": 0.20, "90:10": 0.10}
"""All pictures merged and split again: the share of each class that is drawn for the test part."""

SPLITS = (OFFICIAL, *RESPLITS)
"""What can be asked for."""

WITHOUT_PARTS = "80:20"
"""What pictures get which come without a test part, unless another is asked for."""

DRAWN = "drawn "
"""Stands before the name where the pictures came without a test part: "drawn 80:20" replaces no official split."""

WHOLE = "all pictures"
"""What pictures without a test part are called that are judged whole, by a network that has seen none of them."""


def comparable(split: str) -> bool:
    """Whether scores on such a test part may stand beside others on the same data.

    False where pictures that have an official test part were merged and split again. Pictures that came without one
    have no other scores that these could be mistaken for.
    """
    return split in (OFFICIAL, WHOLE) or split.startswith(DRAWN)
