"""Text: vocabularies, batches with carried state, the char-RNN, its training, and sampling."""

from .batches import StatefulBatches
from .model import CharRNN
from .run_folder import RunFolder
from .sampling import Sampler
from .training import Settings, Training
from .vocabulary import Vocabulary

__all__ = [
    "CharRNN",
    "RunFolder",
    "Sampler",
    "Settings",
    "StatefulBatches",
    "Training",
    "Vocabulary",
]
