"""What public code computes on a few random cases, stored as arrays; shows where they come from, and no test runs it.

    pip install torch==2.13.0 titans-pytorch==0.5.5
    pip install --no-deps fla-core==0.6.0
    pip install git+https://github.com/KellerJordan/Muon@857d1adc159e098212f828d927460782d3da59e9
    python make_arrays.py

in an environment of its own, on a CPU, makes `memories_of_fla.npz`, `memories_of_titans_pytorch.npz` and
`optimisers.npz` beside this file. All code that is run is under the MIT licence, but for torch (BSD-3-Clause); none of
it is copied here. Arrays are named `case/array`; the entry `calls` is a JSON object from cases to the calls that made
them, and from `packages` to what was called.

Precision. The functions of fla cast what they are given to float32, and Muon to bfloat16. They are run twice: as they
are shipped, stored as `shipped_...`, and with these casts turned into casts to float64 (`widened`), which changes no
formula and makes a comparison mean something. titans-pytorch is told to use float64 by its own `.double()`, and torch's
optimisers are given float64.

Nothing of titans-pytorch is replaced, and but for a bias of -3 of its decays all is as it is initialised. Its keys,
values, queries, steps, momenta and decays are its own projections of a random sequence, seen by hooks.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import sys
import types
from pathlib import Path
from unittest import mock

import muon
import numpy as np
import torch
from titans_pytorch import NeuralMemory
from titans_pytorch.memory_models import MemoryMLP
from titans_pytorch.neural_memory import softclamp_grad_norm

FOLDER = Path(__file__).resolve().parent
VERSIONS = {
    "fla": "fla-core 0.6.0 (MIT), https://github.com/fla-org/flash-linear-attention",
    "titans": "titans-pytorch 0.5.5 (MIT), https://github.com/lucidrains/titans-pytorch",
    "muon": "Muon at 857d1adc159e098212f828d927460782d3da59e9 (MIT), https://github.com/KellerJordan/Muon",
    "torch": "torch 2.13.0 (BSD-3-Clause), https://pytorch.org",
}


def fla(name):
    """A module of fla's pure PyTorch references, without the package around it, which needs Triton."""
    path = importlib.metadata.distribution("fla-core").locate_file(f"fla/ops/{name}.py")
    for parent in ("fla", "fla.ops", "fla.ops.titans"):
        sys.modules.setdefault(parent, types.ModuleType(parent))
    spec = importlib.util.spec_from_file_location(f"fla.ops.{name.replace('/', '.')}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def widened():
    """Casts to float32 and bfloat16 are casts to float64, and new tensors are float64."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with (
        mock.patch.object(torch, "float32", torch.float64),
        mock.patch.object(torch, "float", torch.float64),
        mock.patch.object(torch.Tensor, "float", torch.Tensor.double),
        mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.double),
    ):
        yield
    torch.set_default_dtype(default)


class Store:
    """Arrays by case and name, and the call that made each case."""

    def __init__(self, *versions):
        self.arrays, self.calls = {}, {"packages": versions}

    def add(self, case, call, **arrays):
        self.calls[case] = call
        for name, array in arrays.items():
            if array is not None:
                array = array.detach().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
                self.arrays[f"{case}/{name}"] = array

    def save(self, name):
        np.savez_compressed(FOLDER / name, calls=json.dumps(self.calls, indent=1), **self.arrays)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def told(function, arguments, rest):
    """A call in words."""
    given = ", ".join([*arguments, *(f"{name}={value}" for name, value in rest.items())])
    return f"{function.__module__}.{function.__name__}({given})"


def both(function, arguments, rest):
    """Answers and last states, with casts widened and as shipped."""
    found = []
    for dtype, context in ((torch.float64, widened()), (torch.float32, contextlib.nullcontext())):
        with context:
            given = {name: torch.tensor(array, dtype=dtype) for name, array in arguments.items()}
            found.append(function(**given, **rest)[:2])
    names = ("answers", "final", "shipped_answers", "shipped_final")
    return dict(zip(names, (one for pair in found for one in pair), strict=True))


def memories_of_fla():
    """Delta, gated delta, linear attention with and without a gate; TTT and Titans with layer normalisation."""
    store = Store(VERSIONS["fla"])
    names = ("delta_rule", "gated_delta_rule", "linear_attn", "simple_gla")
    delta, gated, plain, gla = (fla(f"{name}/naive") for name in names)
    rng = np.random.default_rng(0)

    def drawn(tokens, carried, samples=2, keys=5, values=4):
        """Samples are a batch of one head each: (samples, tokens, size), and states (samples, keys, values)."""
        return {
            "q": unit(rng.normal(size=(samples, tokens, keys))),
            "k": unit(rng.normal(size=(samples, tokens, keys))),
            "v": rng.normal(size=(samples, tokens, values)),
            "beta": rng.uniform(0.05, 0.95, size=(samples, tokens)),
            "g": np.log(rng.uniform(0.3, 1, size=(samples, tokens))),
            "initial_state": rng.normal(size=(samples, keys, values)) if carried else None,
        }

    def add(case, function, tokens, carried, uses, head_axis, **rest):
        given = drawn(tokens, carried)
        arguments = {name: np.expand_dims(given[name], head_axis) for name in uses}
        if carried:
            arguments["initial_state"] = given["initial_state"][:, None]
        found = both(function, arguments, rest)
        found = {
            name: array.squeeze(1 if "final" in name else head_axis)
            for name, array in found.items()
            if array is not None
        }
        call = told(function, arguments, rest)
        store.add(case, call, **{name: given[name] for name in uses}, initial_state=given["initial_state"], **found)

    final = {"output_final_state": True}
    pairs, rated, faded = ("q", "k", "v"), ("q", "k", "v", "beta"), ("q", "k", "v", "beta", "g")
    add("delta", delta.delta_rule_recurrence, 9, False, rated, 1)
    add("delta, carried", delta.delta_rule_recurrence, 37, True, rated, 1)
    add("delta, chunks of 8", delta.delta_rule_chunkwise, 32, False, rated, 1, chunk_size=8)
    add("gated delta", gated.naive_recurrent_gated_delta_rule, 9, False, faded, 2, **final)
    add("gated delta, carried", gated.naive_recurrent_gated_delta_rule, 37, True, faded, 2, **final)
    add("gated delta, chunks of 16", gated.naive_chunk_gated_delta_rule, 37, True, faded, 2, chunk_size=16, **final)
    add("gated delta, scale 1", gated.naive_recurrent_gated_delta_rule, 12, True, faded, 2, scale=1.0, **final)
    add("hebbian", plain.naive_recurrent_linear_attn, 9, False, pairs, 2, **final)
    add("hebbian, carried", plain.naive_recurrent_linear_attn, 23, True, pairs, 2, **final)
    add("gated hebbian", gla.naive_recurrent_simple_gla, 9, False, (*pairs, "g"), 2)
    add("gated hebbian, carried", gla.naive_recurrent_simple_gla, 23, True, (*pairs, "g"), 2)
    add("gated hebbian, chunks of 8", gla.naive_chunk_simple_gla, 23, True, (*pairs, "g"), 2, chunk_size=8, **final)

    @functools.wraps(gla.naive_parallel_simple_gla)
    def parallel(**arguments):
        return gla.naive_parallel_simple_gla(**arguments)[0], None

    add("gated hebbian, parallel", parallel, 9, False, (*pairs, "g"), 2)

    # Memories behind a layer normalisation with weights w and b, whose target is v - k; keys as long as values.
    ttt = fla("ttt/naive").chunk_ttt_linear_ref
    fla("titans/log_impl")
    titans = fla("titans/naive").chunk_titans_linear_ref
    tokens, samples, size = 11, 2, 4
    for case, function in (("ttt", ttt), ("titans", titans)):
        given = {name: unit(rng.normal(size=(samples, tokens, size))) for name in ("q", "k")}
        given["v"] = rng.normal(size=(samples, tokens, size))
        given["eta"] = rng.uniform(0.05, 0.6, size=(samples, tokens, 1))
        if case == "titans":
            given["theta"] = rng.uniform(0.01, 0.05, size=(samples, tokens, 1))
            given["alpha"] = rng.uniform(0.05, 0.4, size=(samples, tokens, 1))
        norm = {"w": rng.uniform(0.5, 1.5, size=(1, size)), "b": rng.normal(size=(1, size))}
        states = {"initial_state": rng.normal(size=(samples, size, size))}
        rest = {"eps": 1e-6, "output_final_state": True}
        if case == "ttt":
            states["initial_state_bias"] = rng.normal(size=(samples, 1, size))
            rest |= {"mini_batch_size": 1, "scale": 1.0}
        else:
            rest |= {"chunk_size": 1, "use_chunk": False}
        arguments = {name: array[:, :, None] for name, array in given.items()} | norm
        arguments |= {name: array[:, None] for name, array in states.items()}
        found = both(function, arguments, rest)
        found = {name: array.squeeze(1 if "final" in name else 2) for name, array in found.items()}
        call = told(function, arguments, rest)
        store.add(case, call, **given, **norm, **states, **found)
    store.save("memories_of_fla.npz")


def memories_of_titans_pytorch():
    """Memories of one and two layers, with and without momentum, in one call and in two, and with frozen gradients."""
    store = Store(VERSIONS["titans"])
    size, samples = 4, 2

    def add(case, tokens, cuts=(), depth=1, memory_seed=0, **options):
        torch.manual_seed(memory_seed)
        options = {"batch_size": 1, "chunk_size": 1, "mem_model_norm_add_residual": False} | options
        model = MemoryMLP(size, depth, expansion_factor=2.0)
        memory = NeuralMemory(size, model=model, **options).double()
        with torch.no_grad():
            memory.to_decay_factor[0].bias.fill_(-3.0)  # or half of all would be lost with every token
        if options["mem_model_norm_add_residual"]:
            # Zero at first, which would leave half of its gradient unseen.
            parameters = dict(zip(memory.memory_model_parameter_names, memory.memory_model_parameters, strict=True))
            with torch.no_grad():
                parameters["norm.gamma"].normal_()
        sequence = torch.randn(samples, tokens, size, dtype=torch.float64)
        seen = {}

        def watch(name, after=lambda found: found):
            def hook(module, given, found):
                seen.setdefault(name, []).append(after(found.detach()))

            return hook

        def last_axis(found):  # (..., samples, tokens, 1) -> (samples, tokens)
            return found.sigmoid().reshape(samples, -1)

        handles = [
            memory.to_queries.register_forward_hook(watch("queries")),
            memory.to_keys.register_forward_hook(watch("keys")),
            memory.to_values.register_forward_hook(watch("values")),
            memory.to_adaptive_step.register_forward_hook(watch("steps", last_axis)),  # max_lr is 1
            memory.to_decay_factor.register_forward_hook(watch("decays", last_axis)),
        ]
        if memory.to_momentum is not None:
            handles.append(memory.to_momentum.register_forward_hook(watch("momenta", last_axis)))
        state, answers, start = None, [], 0
        initial = {name: p.detach().numpy().copy() for name, p in memory.init_weights(samples).items()}
        for stop in (*cuts, tokens):
            found, state = memory(sequence[:, start:stop], state=state)
            answers.append(found)
            start = stop
        for handle in handles:
            handle.remove()
        arrays = {name: torch.cat(parts, 1) for name, parts in seen.items()}
        # In front of a call of more than one token is a query of zeros, which meets the state that the call finds.
        calls = zip(seen["queries"], (0, *cuts), (*cuts, tokens), strict=True)
        arrays["queries"] = torch.cat(
            [part[:, stop - start > 1 :][:, : stop - start] for part, start, stop in calls], 1
        )
        last, momentum = state.states
        arrays |= {f"initial_{name}": array for name, array in initial.items()}
        arrays |= {f"final_{name}": array for name, array in last.items()}
        if memory.to_momentum is not None:
            arrays |= {f"momentum_{name}": array[0] for name, array in momentum.items()}
        given = ", ".join(f"{name}={value}" for name, value in options.items())
        call = f"NeuralMemory({size}, model=MemoryMLP({size}, {depth}, expansion_factor=2.0), {given}).double()"
        store.add(case, f"{call}, called on tokens up to {[*cuts, tokens]}", answers=torch.cat(answers, 1), **arrays)

    add("matrix without momentum", 9, momentum=False)
    add("matrix", 17)
    add("matrix, in two calls", 17, cuts=(8,), memory_seed=1)
    add("two layers", 17, depth=2)
    add("two layers, in three calls", 17, cuts=(3, 4), depth=2, memory_seed=1)
    add("two layers, normalised with a residual", 11, depth=2, mem_model_norm_add_residual=True)
    add("matrix, slopes of the first state", 17, batch_size=None)
    add("matrix, slopes of every fourth state", 16, batch_size=4)

    lengths = np.geomspace(1e-3, 1e2, 16)
    slopes = torch.tensor(lengths[:, None] * unit(np.random.default_rng(1).normal(size=(16, 6))))
    of_zero = softclamp_grad_norm(torch.zeros(1, 6, dtype=torch.float64), 1.0)
    call = "neural_memory.softclamp_grad_norm(slopes, 1.0)"
    store.add("clipping", call, slopes=slopes, clipped=softclamp_grad_norm(slopes, 1.0), of_zero=of_zero)
    store.save("memories_of_titans_pytorch.npz")


def optimisers():
    """Newton-Schulz and Muon, by Muon's own code; SGD with momentum by torch."""
    store = Store(VERSIONS["muon"], VERSIONS["torch"])
    rng = np.random.default_rng(2)
    for rows, columns in ((6, 9), (9, 6), (7, 7)):
        # So large that the 1e-7 which is added to its length is nothing.
        matrix = 1e6 * rng.normal(size=(rows, columns))
        shipped = muon.zeropower_via_newtonschulz5(torch.tensor(matrix), 5).float()
        with widened():
            found = muon.zeropower_via_newtonschulz5(torch.tensor(matrix), 5)
        call = "muon.zeropower_via_newtonschulz5(matrix, 5)"
        store.add(f"newton-schulz, {rows} x {columns}", call, matrix=matrix, found=found, shipped_found=shipped)
    for nesterov in (False, True):
        gradients = 1e6 * rng.normal(size=(20, 9, 6))
        buffer, updates = torch.zeros(9, 6, dtype=torch.float64), []
        with widened():
            for gradient in gradients:
                update = muon.muon_update(torch.tensor(gradient), buffer, beta=0.95, ns_steps=5, nesterov=nesterov)
                updates.append(update.clone())
        name = "muon, nesterov" if nesterov else "muon"
        call = f"muon.muon_update(gradient, momentum, beta=0.95, ns_steps=5, nesterov={nesterov}), step by step"
        store.add(name, call, gradients=gradients, updates=torch.stack(updates))
    for name, rates in (("sgd", [0.1] * 20), ("sgd, falling rates", list(0.1 * 0.8 ** np.arange(20)))):
        gradients = rng.normal(size=(20, 3, 4))
        weights = torch.nn.Parameter(torch.zeros(3, 4, dtype=torch.float64))
        optimiser, seen = torch.optim.SGD([weights], lr=rates[0], momentum=0.9), []
        for gradient, rate in zip(gradients, rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate
            weights.grad = torch.tensor(gradient)
            optimiser.step()
            seen.append(weights.detach().clone())
        call = "torch.optim.SGD([weights], lr=rate, momentum=0.9).step(), with the rate of the step as lr"
        store.add(name, call, gradients=gradients, rates=np.array(rates), weights=torch.stack(seen))
    store.save("optimisers.npz")


if __name__ == "__main__":
    memories_of_fla()
    memories_of_titans_pytorch()
    optimisers()
