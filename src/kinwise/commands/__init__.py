"""What each verb does: parse nothing, compute nothing; call the rooms and print."""

from collections.abc import Callable
from typing import Any

from kinwise import verbs
from kinwise.commands import judging, learning, using

RUN: dict[type, Callable[[Any], None]] = {
    verbs.Train: learning.train,
    verbs.Evaluate: judging.evaluate,
    verbs.Score: judging.score_file,
    verbs.Explain: judging.explain,
    verbs.Compare: judging.compare,
    verbs.Report: judging.report,
    verbs.Predict: using.predict,
    verbs.Export: using.export,
    verbs.Serve: using.serve,
    verbs.Data: learning.data,
    verbs.Recipes: learning.recipes,
    verbs.Study: learning.study,
    verbs.Search: learning.search,
}
