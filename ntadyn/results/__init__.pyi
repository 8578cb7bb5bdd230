from .storage import read_dataset as read_dataset, write_dataset as write_dataset
