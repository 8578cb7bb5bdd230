"""Self-modifying memory as the equations say it, token by token in numpy, with slopes by differentiation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.nested.sequence_models import Answering, Descent, FastMatrix, Guard, Objective, Targets


def sigmoid(number):
    return 1 / (1 + np.exp(-number))


def unit(vector):
    return vector / np.linalg.norm(vector)


def weights_of(memory):
    kind = ("matrix",) if isinstance(memory, FastMatrix) else ("inner", "outer")
    return [np.asarray(getattr(memory, name)) for name in kind]


def added(weights, x):
    """What a memory adds to the token."""
    if len(weights) == 1:
        return weights[0] @ x
    return weights[1] @ jax.nn.gelu(weights[0] @ x)


def passes(name, weights):
    return name not in ("rates", "retentions") and (len(weights) == 2 or name == "memory")


def answer(name, weights, x):
    return np.asarray(added(weights, x)) + (x if passes(name, weights) else 0)


@functools.partial(jax.jit, static_argnums=3)
def slopes(weights, key, target, objective):
    def loss(weights):
        answer = added(weights, key)
        return -jnp.sum(answer * target) if objective is Objective.DOT else 0.5 * jnp.sum((answer - target) ** 2)

    return jax.grad(loss)(weights)


def run(model, tokens):
    """Answers, and the weights of all memories after every token."""
    rates = model.max_rates._asdict()
    now = {name: weights_of(getattr(model, name)) for name in rates}
    found = now
    answers, trace = [], []
    for index, x in enumerate(np.asarray(tokens)):
        if index % model.chunk == 0:
            found = now
        made = {name: answer(name, found[name], x) for name in rates if name != "memory"}
        key, query = unit(made["keys"]), unit(made["queries"])
        value = made["values"] if model.guard is Guard.RAW else unit(made["values"])
        rate = sigmoid(made["rates"][0] + float(model.rate_bias))
        retention = sigmoid(made["retentions"][0] + float(model.retention_bias))
        after = {}
        for name, largest in rates.items():
            target = answer(name, found[name], value)
            if name == "memory" and model.targets is Targets.VALUES:
                target = value
            if model.guard is Guard.CLIPPED:
                target = target / max(1, np.linalg.norm(target))
            step, kept = largest * rate, retention if name == "memory" else 1.0
            changes = map(np.asarray, slopes(found[name], key, target, model.how.objective))
            if largest == 0:
                after[name] = now[name]
                continue
            new = [kept * one - step * change for one, change in zip(now[name], changes, strict=True)]
            if model.how.descent is Descent.DELTA:
                new[0] = new[0] - step * np.outer(now[name][0] @ key, key)
            after[name] = new
        asked = {Answering.CHUNK_START: found, Answering.BEFORE: now, Answering.AFTER: after}[model.answering]
        answers.append(answer("memory", asked["memory"], query))
        now = after
        trace.append(now)
    return np.array(answers), trace
