from .contest import Contest as Contest, run_contest as run_contest
from .entry import Entry as Entry, Tuning as Tuning
from .presets import entries_of as entries_of
from .table import table as table
