"""What the command line takes: one dataclass per verb, one field per option. ``commands`` does what they say."""

from kinwise.verbs.judging import Compare, Evaluate, Explain, Report, Score
from kinwise.verbs.learning import Data, Recipes, Search, Study, Train
from kinwise.verbs.using import Export, Predict, Serve

VERBS: dict[str, type] = {
    "train": Train,
    "evaluate": Evaluate,
    "score": Score,
    "explain": Explain,
    "compare": Compare,
    "report": Report,
    "predict": Predict,
    "export": Export,
    "serve": Serve,
    "data": Data,
    "recipes": Recipes,
    "study": Study,
    "search": Search,
}
