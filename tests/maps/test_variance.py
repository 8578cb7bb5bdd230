import numpy as np
import pytest

from ntadyn.maps.variance import variance_components, variance_table
from tests.finished_sweeps import crossed, sweep


def drawn(rng, sizes, deviations, cells=1):
    """Sums of independent random effects: {set of factors: standard deviation}."""
    values = np.zeros((cells, *sizes))
    for subset, deviation in deviations.items():
        shape = [size if axis in subset else 1 for axis, size in enumerate(sizes)]
        values = values + deviation * rng.normal(size=(cells, *shape))
    return values


@pytest.mark.parametrize(
    ("sizes", "deviations"),
    [
        ((4, 3), {(0,): 1.0, (1,): 0.5, (0, 1): 0.7}),
        ((3, 2, 4), {(0,): 0.8, (1,): 0.0, (2,): 0.5, (0, 2): 0.6, (1, 2): 0.4, (0, 1, 2): 0.3}),
    ],
)
def test_components_are_unbiased(sizes, deviations):
    # Cells stand for independent experiments here; the error of a mean over 20,000 of them is below 0.02.
    components = variance_components(drawn(np.random.default_rng(0), sizes, deviations, cells=20_000))
    assert len(components) == 2 ** len(sizes) - 1
    for subset, component in components.items():
        assert component.mean() == pytest.approx(deviations.get(subset, 0.0) ** 2, abs=0.025)


def test_one_factor_has_the_plain_variance():
    values = np.random.default_rng(1).normal(size=(3, 5))
    np.testing.assert_allclose(variance_components(values)[(0,)], values.var(axis=1, ddof=1))


def table_of(values, names=("teachers_seed", "initial_seed", "data_seed"), shuffle=None, **streams):
    """The table of values over (cells, factors...), repetitions in any order."""
    draws = crossed(*values.shape[1:])
    flat = values.reshape(len(values), -1)
    order = np.arange(flat.shape[1]) if shuffle is None else np.random.default_rng(shuffle).permutation(flat.shape[1])
    streams = {name: draw[order] for name, draw in zip(names, draws, strict=False)} | streams
    return variance_table(sweep(flat[:, order], streams, strength=np.arange(len(values))))


def test_what_depends_on_one_stream_alone_has_its_whole_share():
    initial = np.asarray([0.2, 0.9, 0.4, 0.5])
    values = np.broadcast_to(initial[None, None, :, None], (2, 3, 4, 2))
    table = table_of(values, shuffle=3)
    shares = {item.source: item.share for item in table.shares}
    assert shares.pop("initial state") == pytest.approx(1)
    np.testing.assert_allclose(list(shares.values()), 0, atol=1e-12)
    assert table.variance == pytest.approx(initial.var(ddof=1))
    freedom = {item.source: item.degrees_of_freedom for item in table.shares}
    assert freedom["teachers"] == 2
    assert freedom["teachers x initial state"] == 6
    assert freedom["teachers x initial state x data and the rest"] == 6
    assert (table.num_cells, table.num_left_out, table.not_varied) == (2, 0, ())


def test_streams_held_fixed_are_reported_and_those_in_lock_step_counted_as_one():
    values = drawn(np.random.default_rng(2), (3, 5), {(0,): 1.0, (1,): 1.0})
    fixed = table_of(values, ("initial_seed", "data_seed"), teachers_seed=np.zeros(15, int))
    assert [item.source for item in fixed.shares] == ["initial state", "data", "initial state x data and the rest"]
    assert fixed.not_varied == ("teachers",)
    teachers, initial = crossed(3, 5)
    together = table_of(values, ("teachers_seed", "initial_seed"), data_seed=initial + 7)
    assert [item.source for item in together.shares][:2] == ["teachers", "initial state with data"]
    np.testing.assert_allclose([item.share for item in together.shares], [item.share for item in fixed.shares])


def test_shares_and_their_standard_errors_are_about_right():
    rng = np.random.default_rng(4)
    tables = [table_of(drawn(rng, (6, 8), {(0,): 0.6, (1,): 1.0, (0, 1): 0.5})) for _ in range(60)]
    shares = np.asarray([[item.share for item in table.shares] for table in tables])
    errors = np.asarray([[item.standard_error for item in table.shares] for table in tables])
    # Ratios of unbiased estimates are not unbiased; the true shares are 0.22, 0.62 and 0.16.
    np.testing.assert_allclose(shares.mean(axis=0), [0.22, 0.62, 0.16], atol=0.08)
    ratio = errors.mean(axis=0) / shares.std(axis=0, ddof=1)
    assert np.all(ratio > 0.7)
    assert np.all(ratio < 1.8)


def test_two_draws_leave_the_standard_error_unknown():
    table = table_of(drawn(np.random.default_rng(5), (2, 5), {(0,): 1.0, (0, 1): 1.0}))
    assert all(np.isnan(item.standard_error) for item in table.shares)
    assert sum(item.share for item in table.shares) == pytest.approx(1)


def test_cells_with_failures_are_left_out():
    values = drawn(np.random.default_rng(6), (3, 4), {(0,): 1.0, (1,): 1.0, (0, 1): 1.0}, cells=3)
    whole = table_of(values[[0, 2]])
    values[1, 0, 0] = np.nan
    table = table_of(values)
    assert (table.num_cells, table.num_left_out) == (2, 1)
    assert table.shares == whole.shares
    component = table.components.component
    assert component.dims == ("strength", "source")
    assert np.isnan(component[1]).all()
    np.testing.assert_allclose(component[[0, 2]].mean("strength").sum(), table.variance)


def test_an_outcome_that_never_varies_has_no_shares():
    table = table_of(np.ones((1, 3, 3)))
    assert table.variance == 0
    assert all(np.isnan(item.share) for item in table.shares)


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ({}, "streams that the file does not name in lock-step"),
        ({"initial_seed": range(6), "data_seed": range(6)}, "vary initial state with data in lock-step"),
        ({"teachers_seed": [0, 0, 0, 1, 1, 1], "data_seed": [0, 1, 2, 0, 1, 3]}, "make 8 combinations.*6 repetitions"),
        ({"teachers_seed": [0, 0, 0, 1, 1, 1], "data_seed": [0, 1, 1, 0, 1, 1]}, "6 repetitions with 4 different"),
    ],
)
def test_designs_that_cannot_tell_sources_apart_are_refused(streams, message):
    dataset = sweep(np.ones((1, 6)), {name: list(draws) for name, draws in streams.items()}, strength=[0.1])
    with pytest.raises(ValueError, match=f"{message}.*run a crossed design.*Streams"):
        variance_table(dataset)


def test_a_sweep_without_a_whole_cell_is_refused():
    values = np.ones((1, 2, 2))
    values[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="no cell is balanced"):
        table_of(values)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 4, 1)])
def test_components_need_two_draws_of_every_factor(shape):
    with pytest.raises(ValueError, match="at least two draws"):
        variance_components(np.ones(shape))
