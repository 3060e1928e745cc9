"""Whether an answer has something that can be exchanged for an invention of the same form.

Then nothing else is invented for it: what is put beside a sentence, or in the place of one, is known by its form.
"""

from functools import lru_cache

from seapo.inject.coined_rules import has_terms
from seapo.inject.name_rules import has_names
from seapo.inject.passage import Passage
from seapo.inject.thing_rules import has_things


@lru_cache(maxsize=4)
def can_exchange(passage: Passage) -> bool:
    """Whether a name, a thing or a term can become another one."""
    return has_names(passage) or has_things(passage) or has_terms(passage)
