from ntadyn.results.quantities import DESCRIPTIONS, DIMS, QUANTITIES, label_of
from ntadyn.sweeps.scores import OUTCOME


def test_every_score_of_sweeps_and_whatever_they_record_has_its_words():
    assert set(OUTCOME.scores) <= set(QUANTITIES)
    assert set(OUTCOME.observables) <= set(DIMS) == set(DESCRIPTIONS) < set(QUANTITIES)


def test_no_two_quantities_are_called_alike():
    labels = [quantity.label for quantity in QUANTITIES.values()]
    assert len(set(labels)) == len(labels)
    assert label_of("similarity") == "similarity"
    assert label_of("alignment", {"long_name": "Alignment at the end"}) == "total alignment"


def test_quantities_of_ones_own_are_called_by_their_long_name_or_their_name():
    assert label_of("width", {"long_name": "width of the valley, in units of c"}) == "width of the valley"
    assert label_of("width_of_it") == "width of it"
