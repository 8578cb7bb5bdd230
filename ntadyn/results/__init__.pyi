from .result_file import read_result as read_result
from .slicing import slice_of as slice_of
from .storage import read_dataset as read_dataset, write_dataset as write_dataset
