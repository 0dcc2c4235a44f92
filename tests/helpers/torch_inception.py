"""FID's Inception in PyTorch, written from pytorch-fid's description: tensors by name, and the forward pass."""

import numpy as np


def seeded_state(shapes, seed=0):
    """Tensors in pytorch-fid's layout for `models.inception.abstract_params`, drawn so that features neither grow nor
    vanish."""
    rng, state = np.random.default_rng(seed), {}
    for path, wanted in shapes.items():
        if path.endswith("bias"):
            continue
        unit, (height, width, inputs, outputs) = path.removesuffix("/conv/kernel").replace("/", "."), wanted.shape
        weight = rng.normal(size=(outputs, inputs, height, width)) * np.sqrt(2 / (height * width * inputs))
        norms = {
            "weight": rng.uniform(0.75, 1.25, outputs),
            "bias": rng.normal(size=outputs) * 0.1,
            "running_mean": rng.normal(size=outputs) * 0.1,
            "running_var": rng.uniform(0.5, 1.5, outputs),
        }
        state[f"{unit}.conv.weight"] = weight.astype(np.float32)
        state |= {f"{unit}.bn.{kind}": values.astype(np.float32) for kind, values in norms.items()}
    return state | {"fc.weight": np.zeros((1008, 4), np.float32), "fc.bias": np.zeros(1008, np.float32)}


def features(torch, state, x):
    """[B, 3, S, S] in [-1, 1] -> [B, D]."""
    F = torch.nn.functional
    state = {name: torch.as_tensor(value) for name, value in state.items()}

    def unit(x, name, stride=1, padding=0):
        x = F.conv2d(x, state[f"{name}.conv.weight"], stride=stride, padding=padding)
        norm = [state[f"{name}.bn.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")]
        return F.relu(F.batch_norm(x, *norm, eps=1e-3))

    def average(x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def a(x, m):
        five = unit(unit(x, f"{m}.branch5x5_1"), f"{m}.branch5x5_2", padding=2)
        three = unit(unit(x, f"{m}.branch3x3dbl_1"), f"{m}.branch3x3dbl_2", padding=1)
        three = unit(three, f"{m}.branch3x3dbl_3", padding=1)
        return torch.cat([unit(x, f"{m}.branch1x1"), five, three, unit(average(x), f"{m}.branch_pool")], 1)

    def c(x, m):
        seven = unit(unit(x, f"{m}.branch7x7_1"), f"{m}.branch7x7_2", padding=(0, 3))
        seven = unit(seven, f"{m}.branch7x7_3", padding=(3, 0))
        twice = unit(x, f"{m}.branch7x7dbl_1")
        for i, padding in ((2, (3, 0)), (3, (0, 3)), (4, (3, 0)), (5, (0, 3))):
            twice = unit(twice, f"{m}.branch7x7dbl_{i}", padding=padding)
        return torch.cat([unit(x, f"{m}.branch1x1"), seven, twice, unit(average(x), f"{m}.branch_pool")], 1)

    def e(x, m, pool):
        three = unit(x, f"{m}.branch3x3_1")
        twice = unit(unit(x, f"{m}.branch3x3dbl_1"), f"{m}.branch3x3dbl_2", padding=1)
        ends = [
            unit(y, f"{m}.{name}{end}", padding=padding)
            for y, name in ((three, "branch3x3_2"), (twice, "branch3x3dbl_3"))
            for end, padding in (("a", (0, 1)), ("b", (1, 0)))
        ]
        return torch.cat([unit(x, f"{m}.branch1x1"), *ends, unit(pool(x), f"{m}.branch_pool")], 1)

    with torch.no_grad():
        x = unit(unit(x, "Conv2d_1a_3x3", stride=2), "Conv2d_2a_3x3")
        x = F.max_pool2d(unit(x, "Conv2d_2b_3x3", padding=1), 3, 2)
        x = F.max_pool2d(unit(unit(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"), 3, 2)
        x = a(a(a(x, "Mixed_5b"), "Mixed_5c"), "Mixed_5d")
        b = unit(unit(x, "Mixed_6a.branch3x3dbl_1"), "Mixed_6a.branch3x3dbl_2", padding=1)
        b = unit(b, "Mixed_6a.branch3x3dbl_3", stride=2)
        x = torch.cat([unit(x, "Mixed_6a.branch3x3", stride=2), b, F.max_pool2d(x, 3, 2)], 1)
        x = c(c(c(c(x, "Mixed_6b"), "Mixed_6c"), "Mixed_6d"), "Mixed_6e")
        three = unit(unit(x, "Mixed_7a.branch3x3_1"), "Mixed_7a.branch3x3_2", stride=2)
        seven = unit(unit(x, "Mixed_7a.branch7x7x3_1"), "Mixed_7a.branch7x7x3_2", padding=(0, 3))
        seven = unit(unit(seven, "Mixed_7a.branch7x7x3_3", padding=(3, 0)), "Mixed_7a.branch7x7x3_4", stride=2)
        x = torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)
        x = e(x, "Mixed_7b", average)
        return e(x, "Mixed_7c", lambda x: F.max_pool2d(x, 3, 1, 1)).mean((2, 3)).numpy()
