"""Text: vocabularies, batches with carried state, the char-RNN, its training, sampling, scores."""

from .batches import StatefulBatches
from .data import Source
from .model import CharRNN
from .run_folder import RunFolder
from .sampling import Sampler
from .scoring import Scorer, Scores
from .settings import Settings
from .training import Training
from .vocabulary import Bytes, Vocabulary, Words

__all__ = [
    "Bytes",
    "CharRNN",
    "RunFolder",
    "Sampler",
    "Scorer",
    "Scores",
    "Settings",
    "Source",
    "StatefulBatches",
    "Training",
    "Vocabulary",
    "Words",
]
