"""Files that somebody may hand over as a result: damaged, forged, of other formats, or only unusual.

`KINDS` names them all. Each kind makes one file in a folder, and says whether it must be shown or refused.
"""

from tests.hostile_files import abilities, damage, formats, ordinary, parts, unusual
from tests.hostile_files.plain import PLAIN
from tests.hostile_files.registry import DANGEROUS, ESCAPE, KINDS, SECRET, HostileFile

# Each of these registers its kinds when it is imported.
_REGISTERED = (ordinary, formats, damage, abilities, parts, unusual)

__all__ = ["DANGEROUS", "ESCAPE", "KINDS", "PLAIN", "SECRET", "HostileFile"]
