"""The compiled programs of a training: a step of several models side by side, and their answers to examples.

A *lane* is one model with a seed and a learning rate of its own. Nothing passes between lanes: what they share is the
program. Random numbers of a step depend on the seed and on the step alone, so that a training goes on from its state.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree, UInt

from ntadyn.nested.continuum import CHUNKS
from ntadyn.nested.sequence_models import Tokens, Vectors, build, continuum_optimiser, level_labels, matched_hidden
from ntadyn.nested.sequence_models.attention import CONTEXT
from ntadyn.nested.sequence_models.continuum_optimiser import REST, SHARES
from ntadyn.tasks.sequence_data import AbstractSequenceTask, Sequences, Symbols
from ntadyn.training.schedule import rate_share
from ntadyn.training.spec import TrainingSpec

MODEL, DATA = 0, 1
"""What a seed is folded with to make the keys of a start, and of batches."""

ATTENDING = ("transformer", "hope-attention")
"""Models whose state is a window of tokens."""

Maker = Callable[[PRNGKeyArray], PyTree]


class Lane(NamedTuple):
    """One training.

    Attributes:
        seed: of its start and of its batches.
        rate: its largest learning rate.
    """

    seed: int
    rate: float


class State(eqx.Module):
    """What training goes on from; every array has a leading axis of lanes.

    Attributes:
        models: arrays of the models.
        optimisers: of the optimisers.
    """

    models: PyTree
    optimisers: PyTree


def maker_of(spec: TrainingSpec, task: AbstractSequenceTask) -> Maker:
    """What makes the model that a spec names, from a key.

    Args:
        spec: names it and its sizes.
        task: decides what it reads and answers.

    Raises:
        ValueError: for sizes that do not fit, sequences that attention would not see whole, or a number of parameters
            that cannot be reached.
    """
    if spec.model in ATTENDING and task.length > CONTEXT:
        raise ValueError(
            f"the attention of {spec.model} looks back over {CONTEXT} tokens, and sequences have {task.length}; make "
            f"them shorter, or take a model with a memory."
        )
    inputs = Tokens(task.reads.number) if isinstance(task.reads, Symbols) else Vectors(task.reads.size)
    outputs, hidden = task.answers[0], spec.hidden
    if spec.parameters is not None:
        hidden = matched_hidden(
            spec.model, spec.parameters, inputs=inputs, outputs=outputs, width=spec.width, depth=spec.depth
        )

    def make(key: PRNGKeyArray) -> PyTree:
        return build(
            spec.model, inputs=inputs, outputs=outputs, width=spec.width, depth=spec.depth, hidden=hidden, key=key
        )

    return make


def optimiser_of(spec: TrainingSpec, model: PyTree) -> optax.GradientTransformation:
    """AdamW of clipped gradients, without the learning rate; levels of a model move by clocks of their own.

    Args:
        spec: says how.
        model: or the shapes of one.

    Raises:
        ValueError: for clocks that do not fit the model.
    """

    def of_share(share: float) -> optax.GradientTransformation:
        return optax.chain(
            optax.scale_by_adam(), optax.add_decayed_weights(spec.weight_decay), optax.scale(float(share))
        )

    clip = optax.clip_by_global_norm(spec.clip)
    levels = len({*jax.tree.leaves(level_labels(model))} - {REST})
    given = {name: value for name in ("chunks", "shares") if (value := getattr(spec, name)) is not None}
    if any(len(value) != levels for value in given.values()):
        told = " and ".join(f"{name} {value}" for name, value in given.items())
        raise ValueError(f"{told} for a model with {levels} levels in its feed-forward part; give one number for each.")
    if not given and levels != len(CHUNKS):
        return optax.chain(clip, of_share(1.0))
    chunks = given.get("chunks", CHUNKS if levels == len(CHUNKS) else (1,) * levels)
    shares = given.get("shares", SHARES if levels == len(SHARES) else (1.0,) * levels)
    return optax.chain(clip, continuum_optimiser(of_share, chunks, shares))


class Program:
    """The programs of one training, compiled when they are first needed.

    Attributes:
        compile_seconds: spent on compiling so far.
    """

    def __init__(self, spec: TrainingSpec, task: AbstractSequenceTask, make: Maker):
        """Nothing is compiled yet.

        Args:
            spec: of the training.
            task: what is practised.
            make: the model from a key.

        Raises:
            ValueError: if a model cannot be made.
        """
        self.spec, self.task, self._make = spec, task, make
        self.shapes = eqx.filter_eval_shape(make, jax.random.key(0))
        self._static = eqx.filter(self.shapes, is_shape, inverse=True)
        self.compile_seconds = 0.0
        self._compiled: dict[object, Any] = {}
        self._optimiser = optimiser_of(spec, self.shapes)

    def start(self, lanes: tuple[Lane, ...]) -> State:
        """The state before the first step.

        Args:
            lanes: seeds and rates.
        """

        def one(seed: UInt[Array, ""]) -> State:
            key = jax.random.fold_in(jax.random.key(seed), MODEL)
            arrays = eqx.filter(self._make(key), eqx.is_array)
            return State(arrays, self._optimiser.init(eqx.filter(arrays, eqx.is_inexact_array)))

        return self._run("start", jax.vmap(one), _seeds(lanes))

    def step(
        self, state: State, lanes: tuple[Lane, ...], step: int, steps: int
    ) -> tuple[State, Float[Array, " lanes"]]:
        """One step of all lanes; the state that is given is used up.

        Args:
            state: before the step.
            lanes: seeds and rates.
            step: how many steps came before.
            steps: of the whole training.

        Returns:
            The state after it, and the loss of every lane on the batch of the step, before the step.
        """
        return self._run("step", self._stepped, *self._of_step(state, lanes, step, steps))

    def step_bytes(self, lanes: tuple[Lane, ...]) -> int:
        """Bytes of memory that a step of so many lanes takes, as far as the compiler says; the step is compiled.

        Args:
            lanes: seeds and rates.
        """
        told = self._compile("step", self._stepped, *self._of_step(self.start(lanes), lanes, 0, 1)).memory_analysis()
        return 0 if told is None else int(told.temp_size_in_bytes + told.argument_size_in_bytes)

    def scores(self, state: State, examples: Sequences) -> dict[str, np.ndarray]:
        """Scores of all lanes at every position of some examples, shape (lanes, sequences, positions).

        Args:
            state: holds the models.
            examples: any number.
        """
        number, batch = examples.weights.shape[0], min(self.spec.batch, examples.weights.shape[0])
        found = []
        for first in range(0, number, batch):
            # The last batch is as large as the others, so that they share a program; what it repeats is cut off.
            rows = np.arange(first, first + batch) % number
            part = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], examples)
            scores = self._run("scores", self._scored, state.models, self.task, part)
            found.append(jax.tree.map(np.asarray, scores))
        return {name: np.concatenate([part[name] for part in found], axis=1)[:, :number] for name in found[0]}

    def models(self, state: State) -> list[PyTree]:
        """The models of all lanes, one by one."""
        number = len(jax.tree.leaves(state.models)[0])
        return [
            eqx.combine(jax.tree.map(lambda leaf, lane=lane: leaf[lane], state.models), self._static)
            for lane in range(number)
        ]

    def _answers(self, arrays: PyTree, inputs: Array) -> Float[Array, "b t o"]:
        model = eqx.combine(arrays, self._static)
        return jax.vmap(lambda one: model(model.initial_state(), one)[1])(inputs)

    def _scored(self, models: PyTree, task: AbstractSequenceTask, examples: Sequences) -> PyTree:
        return jax.vmap(lambda one: jax.vmap(task.scores)(self._answers(one, examples.inputs), examples.targets))(
            models
        )

    def _stepped(
        self,
        state: State,
        task: AbstractSequenceTask,
        seeds: UInt[Array, " lanes"],
        rates: Float[Array, " lanes"],
        step: Int[Array, ""],
        steps: Int[Array, ""],
    ) -> tuple[State, Float[Array, " lanes"]]:
        share = rate_share(step, steps, self.spec.warm_up, self.spec.last_rate)

        def one(state: State, seed: UInt[Array, ""], rate: Float[Array, ""]) -> tuple[State, Float[Array, ""]]:
            key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), DATA), step)
            batch = task.draw(key, self.spec.batch, step)
            trained, fixed = eqx.partition(state.models, eqx.is_inexact_array)

            def loss(trained: PyTree) -> Float[Array, ""]:
                answers = self._answers(eqx.combine(trained, fixed), batch.inputs)
                losses = jax.vmap(task.scores)(answers, batch.targets)["loss"]
                return jnp.sum(batch.weights * losses) / jnp.sum(batch.weights)

            value, gradient = jax.value_and_grad(loss)(trained)
            update, optimiser = self._optimiser.update(gradient, state.optimisers, trained)
            trained = jax.tree.map(lambda at, by: at - rate * share * by, trained, update)
            return State(eqx.combine(trained, fixed), optimiser), value

        return jax.vmap(one)(state, seeds, rates)

    def _of_step(self, state: State, lanes: tuple[Lane, ...], step: int, steps: int) -> tuple[PyTree, ...]:
        """The arguments of `_stepped`, in the dtypes with which it is compiled."""
        rates = np.asarray([lane.rate for lane in lanes], jnp.result_type(float))
        return state, self.task, _seeds(lanes), rates, np.asarray(step, np.int32), np.asarray(steps, np.int32)

    def _run(self, name: str, function: Callable[..., PyTree], *arguments: PyTree) -> PyTree:
        return self._compile(name, function, *arguments)(*arguments)

    def _compile(self, name: str, function: Callable[..., PyTree], *arguments: PyTree) -> Any:
        """A compiled function, and its time apart from that of running it; one for arguments of the same shapes."""
        shapes = (name, *(jnp.shape(leaf) for leaf in jax.tree.leaves(arguments)))
        if shapes not in self._compiled:
            begin = time.perf_counter()
            donated = (0,) if name == "step" else ()
            # Optax raises real numbers to whole powers, which strict promotion of dtypes refuses.
            with jax.numpy_dtype_promotion("standard"):
                lowered = jax.jit(function, donate_argnums=donated).lower(*arguments)
            self._compiled[shapes] = lowered.compile()
            self.compile_seconds += time.perf_counter() - begin
        return self._compiled[shapes]


def _seeds(lanes: tuple[Lane, ...]) -> np.ndarray:
    return np.asarray([lane.seed for lane in lanes], np.uint32)


def is_shape(leaf: object) -> bool:
    """Whether a leaf is the shape of an array."""
    return isinstance(leaf, jax.ShapeDtypeStruct)
