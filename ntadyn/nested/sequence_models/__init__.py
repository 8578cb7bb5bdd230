"""Models of sequences with one skeleton: softmax attention, associative memories, memories that modify themselves."""

from ntadyn.nested.sequence_models.sequence_model import AbstractMixer as AbstractMixer, SequenceModel as SequenceModel
