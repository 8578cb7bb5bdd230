"""What is trained and taken apart beyond linear networks."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray
from numpy.typing import NDArray

from experiments.degeneracy.experts.explanations import ledger_of
from experiments.degeneracy.experts.network import Experts, Router, Table, sections_of
from experiments.harness.runs import Run
from ntadyn.continual import DataProblem
from ntadyn.degeneracy.interaction import (
    GAPS,
    AlongRays,
    Spectrum,
    context_grams,
    interaction_basis,
    interaction_graph,
    modularity,
    modularity_report,
    neuron_basis,
    resolved,
)
from ntadyn.specs import building
from ntadyn.specs.ensemble import keys_for, run_ensemble
from ntadyn.specs.nonlinear import GatedStudent, LabelMaps
from ntadyn.specs.nonlinear_building import build_label_maps
from ntadyn.specs.nonlinear_presets import digits_flexible, digits_forgetful
from ntadyn.specs.paths import replaced
from ntadyn.tasks.images import NUM_CLASSES

GAP = 0.2
STAGES = ("before", "after")
RATE, BATCH = 3e-3, 64


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_seeds: repetitions.
        units: hidden units of either path of the gated networks.
        num_blocks: in which these learn two labellings in turn, 800 steps each.
        experts: of the mixture.
        expert_units: hidden units of each.
        steps: of its training, on both labellings at once.
        examples: digits on which networks are taken apart.
        networks: names of `NETWORKS`.
    """

    num_seeds: int = 2
    units: int = 8
    num_blocks: int = 12
    experts: int = 3
    expert_units: int = 4
    steps: int = 4000
    examples: int = 200
    networks: tuple[str, ...] = ("flexible", "forgetful", "mixture")


def runs(parameters: Parameters) -> list[Run]:
    """One for every network."""
    return [
        Run(f"experts_{name}", taken_apart, {"network": name, "parameters": parameters}, name)
        for name in parameters.networks
    ]


def taken_apart(network: str, parameters: Parameters) -> xr.Dataset:
    """A network before and after its training.

    Args:
        network: name in `NETWORKS`.
        parameters: sizes and repetitions.

    Returns:
        Over (seed, stage): accuracies on held-out digits, the gates' mean, both spectra, `edge` from directions of the
        hidden layer to the outputs of all tasks, modularities, how much of all interaction is `owned` by one task, and
        the ledger.
    """
    problem = _problem()
    inputs = np.asarray(problem.practised.inputs[0][: parameters.examples])
    both = NETWORKS[network](parameters)
    found = [[parts_of(one, inputs, problem) for one in of_seed] for of_seed in both]
    stages = [xr.concat(of_seed, xr.Variable("stage", list(STAGES))) for of_seed in found]
    return xr.concat(stages, xr.Variable("seed", range(len(stages))))


def gated(spec: GatedStudent, parameters: Parameters) -> list[tuple[Experts, Experts]]:
    """Two paths with one gate each, which learn one labelling after the other; all gates are kept in a table."""
    spec = replaced(spec, {"paths.units": parameters.units, "curriculum.num_blocks": parameters.num_blocks})
    keys = keys_for(spec, parameters.num_seeds)
    trajectory, _ = run_ensemble(spec, {"network": lambda system, state, task: state.network}, keys=keys)
    networks: Any = trajectory.values["network"]
    ends = jax.vmap(trajectory.at_block_ends)(networks)

    def of_seed(seed: int) -> tuple[Experts, Experts]:
        first, last = (jax.tree.map(lambda leaf: leaf[seed], each) for each in (networks, ends))
        start = Experts(first.hidden[0], first.readouts[0], Table(jnp.stack([first.gates[0]] * 2)))
        # Of the two labellings by turns, the first one is practised in even blocks, counted from 0.
        rows = [last.gates[-1 - (parameters.num_blocks - 1 - task) % 2] for task in range(2)]
        return start, Experts(last.hidden[-1], last.readouts[-1], Table(jnp.stack(rows)))

    return [of_seed(seed) for seed in range(parameters.num_seeds)]


def mixture(parameters: Parameters) -> list[tuple[Experts, Experts]]:
    """Experts behind a softmax of the pixels, told the labelling, which learn both labellings at once by Adam."""
    problem = _problem()
    sizes = parameters.experts, parameters.expert_units, problem.practised.inputs.shape[-1]
    starts = [initial(jax.random.key(seed), *sizes) for seed in range(parameters.num_seeds)]
    data = problem.practised.inputs[0], problem.practised.targets
    ends = [_descended(start, data, jax.random.key(100 + seed), parameters.steps) for seed, start in enumerate(starts)]
    return list(zip(starts, ends, strict=True))


NETWORKS: dict[str, Callable[[Parameters], list[tuple[Experts, Experts]]]] = {
    "flexible": lambda parameters: gated(digits_flexible(), parameters),
    "forgetful": lambda parameters: gated(digits_forgetful(), parameters),
    "mixture": mixture,
}


def initial(key: PRNGKeyArray, experts: int, units: int, d_in: int) -> Experts:
    """Weights of variance one over the number of inputs, and a router that hardly prefers anyone.

    Args:
        key: the random key.
        experts: number of experts.
        units: hidden units of each.
        d_in: size of inputs.
    """
    of_hidden, of_readouts, of_looks, of_tells = jax.random.split(key, 4)
    return Experts(
        jax.random.normal(of_hidden, (experts, units, d_in)) / d_in**0.5,
        jax.random.normal(of_readouts, (experts, NUM_CLASSES, units)) / units**0.5,
        Router(
            0.1 * jax.random.normal(of_looks, (experts, d_in)) / d_in**0.5,
            0.1 * jax.random.normal(of_tells, (2, experts)),
        ),
    )


@functools.partial(jax.jit, static_argnames=("steps",))
def _descended(start: Experts, data: tuple[Array, Array], key: PRNGKeyArray, steps: int) -> Experts:
    optimiser: Any = optax.adam(RATE)
    inputs, targets = data

    def loss(network: Experts, places: Array) -> Float[Array, ""]:
        outputs = jax.vmap(network)(inputs[places]).reshape(BATCH, 2, NUM_CLASSES)
        wanted = targets[:, places].T
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(outputs, wanted))

    def step(carry: Any, key: PRNGKeyArray) -> tuple[Any, None]:
        network, state = carry
        gradient = jax.grad(loss)(network, jax.random.randint(key, (BATCH,), 0, inputs.shape[0]))
        update, state = optimiser.update(gradient, state)
        return (eqx.apply_updates(network, update), state), None

    return jax.lax.scan(step, (start, optimiser.init(start)), jax.random.split(key, steps))[0][0]


def parts_of(network: Experts, inputs: NDArray[np.float64], problem: DataProblem) -> xr.Dataset:
    """All numbers of one network.

    Args:
        network: all tasks at once.
        inputs: shape (examples, d_in).
        problem: for held-out digits.
    """
    sections, contexts = sections_of(network), [0] * NUM_CLASSES + [1] * NUM_CLASSES
    basis = interaction_basis(sections, inputs)
    grams = context_grams(basis, inputs, contexts)
    bases = {gap: resolved(basis, inputs, contexts, gap, grams) for gap in GAPS}
    graphs = {gap: interaction_graph(one, inputs, contexts, AlongRays()).from_layer(-2) for gap, one in bases.items()}
    of_units = interaction_graph(neuron_basis(sections, inputs), inputs, contexts, AlongRays()).from_layer(-2)
    given = [modularity(graph.adjacency(), graph.context_partition()) for graph in graphs.values()]
    found, layer = modularity_report(graphs[GAP]), bases[GAP].layers[1]
    units = layer.to_hat.shape[1]
    edges = np.full((2, NUM_CLASSES, units), np.nan)
    edges[:, :, : layer.rank] = graphs[GAP].edges[0].reshape(2, NUM_CLASSES, layer.rank)
    books = ledger_of(network, inputs)
    features = jax.vmap(network.features)(jnp.asarray(inputs))[:, network.num_units :]
    opened = jax.vmap(network.gates.opened)(features)
    variables = {
        "accuracy": ("task", _accuracies(network, problem)),
        "gate": (("task", "expert"), np.asarray(opened.mean(axis=0))),
        "gate_spread": (("task", "expert"), np.asarray(opened.std(axis=0))),
        "edge": (("task", "output", "direction"), edges),
        "modularity": ("gap", np.array(given)),
        "unit_modularity": ((), modularity(of_units.adjacency(), of_units.context_partition())),
        "best_modularity": ((), found.optimised),
        "null_modularity": ((), found.null_mean),
        "null_modularity_deviation": ((), found.null_deviation),
        "owned": ((), owned(edges[:, :, : layer.rank])),
        "unit_owned": ((), owned(of_units.edges[0].reshape(2, NUM_CLASSES, -1))),
        "lost": ((), bases[GAP].lost),
        "parameters": ((), books.dimension),
        "rank": ((), books.rank),
        "ledger_gap": ((), books.spectrum.gap),
        "unexplained": ((), books.unexplained),
        "explained": ("explanation", np.array([entry.explained for entry in books.entries])),
    }
    for name, spectrum in (("activation", layer.activations), ("interaction", layer.interactions)):
        assert isinstance(spectrum, Spectrum)
        values = np.pad(spectrum.values, (0, units - spectrum.values.size), constant_values=np.nan)
        variables |= {f"{name}_spectrum": ("direction", values), f"{name}_rank": ((), spectrum.rank)}
    return xr.Dataset(variables, {"gap": list(GAPS), "explanation": [entry.name for entry in books.entries]})


def owned(edges: NDArray[np.float64]) -> float:
    """The share of interaction that directions have with the task that they act on most.

    Args:
        edges: shape (tasks, outputs, directions).

    Returns:
        From 0.5, where two tasks use all directions alike, to 1, where every direction is of one task.
    """
    of_tasks = edges.sum(axis=1)
    return float(of_tasks.max(axis=0).sum() / of_tasks.sum())


def _problem() -> DataProblem:
    return build_label_maps(LabelMaps(), building.first(keys_for(digits_flexible(), 1)).teachers)


def _accuracies(network: Experts, problem: DataProblem) -> NDArray[np.float64]:
    held_out = problem.held_out
    outputs = jax.vmap(network)(held_out.inputs[0]).reshape(-1, 2, NUM_CLASSES)
    right = held_out.targets == jnp.argmax(outputs, axis=-1).T
    return np.asarray(right.mean(axis=1))
