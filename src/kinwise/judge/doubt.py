"""Doubtful labels: which pictures may be labelled wrongly, judged by predictions that were held out.

Confident learning (Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR
2021, section 3). It knows nothing but the network's answers: a mistake that the network makes often and surely looks
just like a wrong label. So what comes out of here is an upper bound, and a reason to look.
"""

import numpy as np

_ROUNDING = 1e-9  # a class whose confidences are all equal has a mean that may differ from them in the last digit


def label_doubt(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How likely each label is wrong, float64, shape (pictures,), 0..1; higher is more doubtful.

    1 - P(true = i | x, label = i), where by Bayes P(true = j | x, label = i) is proportional to
    P(label = i | true = j) p_j(x). The first factor is the confident joint, its rows scaled to the number of pictures
    of each label (equation 3 there), over its columns' sums. A class that no picture counts for is taken to be always
    labelled as itself.

    It is an upper bound rather than a probability: a network's own mistakes look the same as wrong labels.

    Args:
        probabilities: of the classes, from a network that did not learn these pictures, shape (pictures, classes).
        labels: the class index of each picture, int, shape (pictures,).
    """
    probabilities = np.asarray(probabilities, np.float64)
    likelihood = _label_given_true(confident_joint(probabilities, labels), labels)
    weights = likelihood[labels] * probabilities
    kept, total = np.take_along_axis(weights, labels[:, None], axis=1)[:, 0], weights.sum(axis=1)
    # Where nothing explains the label, not even its own class, it stays: the limit as that class's probability falls.
    return 1 - np.divide(kept, total, out=np.ones_like(total), where=total > 0)


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """C[i, j]: how many pictures labelled i surely look like j; int64, shape (classes, classes).

    A picture counts for the class j with p_j >= t_j, the most likely of several, where t_j is the mean of p_j over the
    pictures labelled j (equations 1 and 2 there). A picture that is sure of nothing does not count at all, and nothing
    counts for a class without pictures. Arguments as in ``label_doubt``.
    """
    classes = probabilities.shape[1]
    counts_for = _counts_for(probabilities, labels)
    sure = counts_for >= 0
    cells = labels[sure] * classes + counts_for[sure]
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def suspicious(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each picture surely looks like another class than its label, bool, shape (pictures,).

    These are the pictures off the diagonal of the confident joint. Arguments as in ``label_doubt``.
    """
    counts_for = _counts_for(probabilities, labels)
    return (counts_for >= 0) & (counts_for != labels)


def _counts_for(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class that each picture counts for in the confident joint, -1 for none; int64, shape (pictures,)."""
    probabilities = np.asarray(probabilities, np.float64)
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, own, minlength=classes)
    thresholds = np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)
    sure = probabilities >= thresholds - _ROUNDING
    return np.where(sure.any(axis=1), np.where(sure, probabilities, -1).argmax(axis=1), -1)


def _label_given_true(joint: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """P(label = i | true = j), shape (classes, classes); columns sum to 1."""
    classes = len(joint)
    counts, sure = np.bincount(labels, minlength=classes), joint.sum(axis=1)
    # A label with pictures but no sure one keeps them on the diagonal.
    scaled = joint * np.divide(counts, sure, out=np.zeros(classes), where=sure > 0)[:, None]
    scaled += np.diag(np.where(sure > 0, 0, counts))
    sums = scaled.sum(axis=0)
    return np.divide(scaled, sums, out=np.eye(classes), where=sums > 0)
