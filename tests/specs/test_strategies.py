"""Strategies as plain values build what they name."""

import pytest

from ntadyn import continual
from ntadyn.specs.continual_presets import continual_ewc
from ntadyn.specs.paths import flat, replaced
from ntadyn.specs.strategies import EWC, Fisher

KINDS = {
    Fisher.MODEL: continual.ModelFisher(),
    Fisher.SAMPLED: continual.SampledFisher(),
    Fisher.EMPIRICAL: continual.EmpiricalFisher(),
}


@pytest.mark.parametrize("kind", Fisher)
def test_every_kind_of_fisher_information_is_built(kind):
    spec = replaced(continual_ewc(), {"strategy.fisher": kind, "strategy.strength": 0.3})
    assert flat(spec)["strategy.fisher"] == kind.name
    built = spec.strategy.build()
    if kind is Fisher.FULL:
        assert built == continual.FullElasticWeightConsolidation(0.3, None)
    else:
        assert built == continual.ElasticWeightConsolidation(0.3, None, KINDS[kind])


def test_that_of_the_model_is_the_default():
    assert EWC(2.0, 0.9).build() == continual.ElasticWeightConsolidation(2.0, 0.9, continual.ModelFisher())
