"""A gated read-out of frozen features under two namings of the classes in turn: what figures 7 and A15 are made of.

logits = sum_p c_p W^p h, cross-entropy averaged over the batch, and penalties on the gates; plain descent. One unit of
time is ten steps. The learning rates are those of the published script, 1e-4 for weights and 0.2 for fast gates.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from experiments.harness.runs import Run
from experiments.sandbrink_2024.runs.feature_network import Features, learned_features
from ntadyn.continual import (
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    GivenOrder,
    shuffled_epochs,
)
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import AbstractPenalty, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import Updates, result_codes, simulate
from ntadyn.tasks import digits, idx
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.examples import ExampleTasks
from ntadyn.tasks.images import IDENTITY, NUM_CLASSES, PARITY, WARM_COOL, ImageSet, relabelled

STEP = 0.1
PATHS, GATE, SCALE = 2, 0.5, 1e-4
MAPS = {"parity": PARITY, "warm_cool": WARM_COOL}
"""How the second task names the classes; the first leaves them as they are."""


class Regime(eqx.Module):
    """Time constants and strengths of the penalties on the gates.

    Attributes:
        gates: tau_c; the learning rate of the gates is STEP / tau_c.
        weights: tau_W.
        nonnegative: k of the hinge.
        unit_l1: k of the penalty on the distance of the L1 norm from one.
        unit_l2: the same for the L2 norm.
    """

    gates: float | Float[Array, "..."] = 0.5
    weights: float | Float[Array, "..."] = 1000.0
    nonnegative: float | Float[Array, "..."] = 0.5
    unit_l1: float | Float[Array, "..."] = 0.0
    unit_l2: float | Float[Array, "..."] = 0.0

    def penalty(self) -> AbstractPenalty:
        """The sum of the three, of which those of strength zero have no force."""
        return Nonnegativity(self.nonnegative) + UnitL1Norm(self.unit_l1) + UnitL2Norm(self.unit_l2)


FLEXIBLE, FLEXIBLE_L1, FORGETFUL = "flexible, L2", "flexible, L1", "forgetful"
REGIMES = {
    FLEXIBLE: Regime(unit_l2=0.05),
    FLEXIBLE_L1: Regime(unit_l1=0.5),
    # As published, the gates are as slow as the weights here, not only free of penalties.
    FORGETFUL: Regime(gates=1000.0, nonnegative=0.0),
}


@dataclass(frozen=True)
class Parameters:
    """What is learned, and for how long.

    Attributes:
        images: a folder with MNIST or Fashion-MNIST in IDX form, see `ntadyn.tasks.idx`; None for the digits that come
            with scikit-learn.
        feature_steps: of training of the network that makes the features.
        bottleneck: number of features, None for 64.
        squared_norm: the mean squared norm to which features are rescaled, that of MNIST; None leaves them as they are.
        num_seeds: repetitions with other initial weights and batches; the features are the same.
        num_blocks: tasks in turn.
        steps: per block.
        record_every: steps between records.
        batch: examples per step.
        seed: of the read-outs.
    """

    images: Path | None = None
    feature_steps: int = 3000
    bottleneck: int | None = None
    squared_norm: float | None = 1250.0
    num_seeds: int = 10
    num_blocks: int = 10
    steps: int = 1000
    record_every: int = 5
    batch: int = 100
    seed: int = 0


def on_images(parameters: Parameters, folder: Path) -> Parameters:
    """The same on the images of a folder.

    Raises:
        ValueError: if the folder is not as `ntadyn.tasks.idx` describes it.
    """
    idx.folder(folder)
    return dataclasses.replace(parameters, images=folder)


def on_batches(parameters: Parameters) -> Parameters:
    """The same: images come in batches in any case."""
    return parameters


def runs(parameters: Parameters) -> list[Run]:
    """One, of all there is: features are learned once for both namings, and both figures."""
    files = () if parameters.images is None else (parameters.images,)
    return [Run("image_readouts", learned, {"parameters": parameters}, files=files)]


def images_of(parameters: Parameters) -> ImageSet:
    """The images that are asked for.

    Raises:
        ValueError: for a folder that does not serve.
        ImportError: without scikit-learn, for its digits.
    """
    return digits.images() if parameters.images is None else idx.folder(parameters.images)


def learned(parameters: Parameters) -> dict[str, xr.Dataset]:
    """Read-outs under both namings in all regimes, and what they read.

    Returns:
        By the name of the naming, see `readouts_dataset`; and "features", see `features_dataset`.
    """
    images = images_of(parameters)
    features = learned_features(images, parameters.feature_steps, parameters.bottleneck)
    practised = ~images.held_out
    scaled = features if parameters.squared_norm is None else features.rescaled(practised, parameters.squared_norm)
    found = {"features": features_dataset(images, features, scaled)}
    for name, naming in MAPS.items():
        maps = {"as they are": IDENTITY, name: naming}
        tasks = relabelled(scaled.values, images.labels, images.held_out, maps)
        found[name] = readouts_dataset(tasks, parameters)
    return found


def features_dataset(images: ImageSet, features: Features, scaled: Features) -> xr.Dataset:
    """One image of every class, how well the feature network does, and how large features are before and after.

    Args:
        images: the set.
        features: as they were learned.
        scaled: as they are read.

    Returns:
        `example` (class, row, column), `fixed` (naming): the share of held-out images whose class is the same in both
        tasks, and scalars; what the images are is among the attributes.
    """
    practised, kept = ~images.held_out, images.labels[images.held_out]
    examples = [images.pixels[np.argmax(practised & (images.labels == each))] for each in range(NUM_CLASSES)]
    fixed = [float(np.mean(np.asarray(naming)[kept] == kept)) for naming in MAPS.values()]
    return xr.Dataset(
        {
            "example": (("class", "row", "column"), np.stack(examples)),
            "fixed": ("naming", fixed),
            "accuracy_practised": ((), features.practised),
            "accuracy": ((), features.held_out),
            "squared_norm": ((), features.mean_squared_norm(practised)),
            "factor": ((), np.sqrt(scaled.mean_squared_norm(practised) / features.mean_squared_norm(practised))),
            "num_practised": ((), int(practised.sum())),
            "num_held_out": ((), len(kept)),
        },
        {"naming": list(MAPS), "class": np.arange(NUM_CLASSES)},
        {"name": images.name, "split": images.split, "num_features": features.values.shape[1]},
    )


def readouts_dataset(tasks: ExampleTasks, parameters: Parameters) -> xr.Dataset:
    """All regimes and seeds, in one compiled program.

    Args:
        tasks: features, and the two namings.
        parameters: sizes and seeds.

    Returns:
        `accuracy` (regime, seed, record) on the held-out images of the task in force, `accuracy_other` on those of the
        other task, `gates` (regime, seed, record, path), `result` (regime, seed); `time` and `block` of records.
    """
    regimes: Any = jax.tree.map(lambda *each: jnp.asarray(each), *REGIMES.values())
    keys = jax.random.split(jax.random.key(parameters.seed), parameters.num_seeds)
    accuracies, gates, result, times, blocks = map(np.asarray, _in_all_regimes(tasks, regimes, keys, parameters))
    blocks, task = blocks[0, 0], blocks[0, 0] % tasks.num_tasks
    records = np.arange(len(blocks))
    dims = ("regime", "seed", "record")
    return xr.Dataset(
        {
            "accuracy": (dims, accuracies[:, :, records, task]),
            "accuracy_other": (dims, accuracies[:, :, records, 1 - task]),
            "gates": ((*dims, "path"), gates),
            "result": (dims[:2], result),
        },
        {"regime": list(REGIMES), "time": ("record", times[0, 0]), "block": ("record", blocks)},
    )


def learner(tasks: ExampleTasks, regime: Regime, key: PRNGKeyArray, parameters: Parameters) -> ContinualDescent:
    """Descent on batches of one read-out, on shuffled epochs of every task that go on where the task was left."""
    counts = tasks.practised.inputs.shape[1]
    shown = -(-parameters.num_blocks // tasks.num_tasks) * parameters.steps
    order = shuffled_epochs(key, (counts,) * tasks.num_tasks, parameters.batch, shown)
    problem = DataProblem(tasks.practised, tasks.held_out, CrossEntropy())  # pyright: ignore
    time_constants: Any = {"gates": regime.gates, "weights": regime.weights}
    flow = ContinualFlow(problem, GivenOrder(order), time_constants, {"gates": regime.penalty()})  # pyright: ignore
    # The type checker takes the abstract fields of modules for arguments, here and above.
    return ContinualDescent(flow, key, parameters.batch, support=1)  # pyright: ignore


def initial_network(key: PRNGKeyArray, num_features: int) -> GatedLinear:
    """c = 0.5 and W ~ N(0, 1e-8 / features): the usual scale of 0.01, times another 0.01."""
    return GatedLinear.initialise(key, (PATHS, NUM_CLASSES, num_features), SCALE, GATE, jnp.float64)


@eqx.filter_jit
def _in_all_regimes(tasks: ExampleTasks, regimes: Regime, keys: PRNGKeyArray, parameters: Parameters):
    def one(regime: Regime, key: PRNGKeyArray):
        of_network, of_order = jax.random.split(key)
        system = learner(tasks, regime, of_order, parameters)
        with jax.ensure_compile_time_eval():  # the time grid needs durations that are known numbers
            curriculum = alternating(tasks.num_tasks, parameters.num_blocks, jnp.asarray(parameters.steps * STEP))
        network = initial_network(of_network, tasks.practised.inputs.shape[2])
        found = simulate(
            system,
            curriculum,
            system.initial_state(network),
            method=Updates(STEP),
            observables={
                "accuracies": lambda system, state, task: system.problem.accuracies(state.network),
                "gates": lambda system, state, task: state.network.gates,
            },
            records_per_block=parameters.steps // parameters.record_every - 1,
        )
        values = found.values
        return values["accuracies"], values["gates"], result_codes(found.result), found.times, found.blocks

    return jax.vmap(lambda regime: jax.vmap(lambda key: one(regime, key))(keys))(regimes)
