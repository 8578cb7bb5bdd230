from .data import (
    Recall as Recall,
    Regression as Regression,
    SequenceData as SequenceData,
    Source as Source,
    Text as Text,
    TwoTexts as TwoTexts,
)
from .presets import TASKS as TASKS, preset as preset
from .run import train as train, trained as trained
from .spec import TrainingSpec as TrainingSpec
