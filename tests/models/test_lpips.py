"""The perceptual distance and the tensors that it takes."""

import jax
import numpy as np
import pytest
from vgg import thin_alex, thin_squeeze, thin_vgg

from t2f_jax.errors import UserError
from t2f_jax.models import lpips

RNG = np.random.default_rng(1)


def images():
    return RNG.uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)


def test_only_an_image_itself_is_at_distance_zero_and_the_gradient_is_finite():
    weights = lpips.from_tensors(thin_vgg(np.random.default_rng(0)))
    a, b = images(), images()
    distance = jax.jit(lpips.distance)(weights, a, b)
    assert distance.shape == (4,) and (distance > 0).all()
    np.testing.assert_allclose(jax.jit(lpips.distance)(weights, a, a), 0, atol=1e-6)
    gradient = jax.jit(jax.grad(lambda x: lpips.distance(weights, x, b).sum()))(a)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_without_linear_layers_every_channel_counts_one_and_the_lpips_names_are_read():
    tensors = thin_vgg(np.random.default_rng(0), linear=False)
    renamed = {}
    for name, value in tensors.items():
        _, position, kind = name.split(".")
        stage = next(i for i, positions in enumerate(lpips.VGG.stages) if int(position) in positions)
        renamed[f"net.slice{stage + 1}.{position}.{kind}"] = value
    a, b = lpips.from_tensors(tensors), lpips.from_tensors(renamed)
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), a, b))
    assert all((linear == 1).all() for linear in a.linear)


def test_a_missing_or_misshapen_tensor_is_named():
    tensors = thin_vgg(np.random.default_rng(0))
    with pytest.raises(UserError, match=r"'features\.12\.bias' \(or 'net\.slice3\.12\.bias'\) is missing"):
        lpips.from_tensors({name: x for name, x in tensors.items() if name != "features.12.bias"})
    with pytest.raises(UserError, match=r"'lin3\.model\.1\.weight' is missing; give all 5"):
        lpips.from_tensors({name: x for name, x in tensors.items() if name != "lin3.model.1.weight"})
    with pytest.raises(UserError, match=r"convolution 2 has shapes \(4, 9, 3, 3\)"):
        lpips.from_tensors({**tensors, "features.2.weight": np.zeros((4, 9, 3, 3), np.float32)})


def test_weights_inside_another_model_are_found():
    tensors = thin_vgg(np.random.default_rng(0))
    inside = {f"loss.perceptual_loss.{name}": value for name, value in tensors.items()}
    inside |= {"lins.0.model.1.weight": 1, "scaling_layer.shift": 2, "classifier.0.weight": 3}
    assert [name for name in inside if lpips.is_needed(name)] == list(inside)[: len(tensors)]
    a, b = lpips.from_tensors(tensors), lpips.from_tensors(inside)
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), a, b))
    with pytest.raises(UserError, match="is there twice, inside two models"):
        lpips.from_tensors(tensors | inside)
    heads = {name: value for name, value in tensors.items() if name.startswith("lin")}
    with pytest.raises(UserError, match="only LPIPS's linear layers; they need a network's convolutions"):
        lpips.from_tensors(heads)


def torch_distance(torch, net, tensors, a, b):
    """LPIPS as the lpips package computes it, from its description."""
    F = torch.nn.functional
    state = {name: torch.as_tensor(value) for name, value in tensors.items()}

    def convolve(x, name, stride=1, padding=0):
        return F.relu(F.conv2d(x, state[f"features.{name}.weight"], state[f"features.{name}.bias"], stride, padding))

    def maps(x):
        x = torch.as_tensor(x).permute(0, 3, 1, 2)
        x = (x - torch.tensor([-0.030, -0.088, -0.188])[:, None, None]) / torch.tensor([0.458, 0.448, 0.450])[
            :, None, None
        ]
        found = []
        for stage, positions in enumerate(net.stages):
            if stage in net.pooled:
                x = F.max_pool2d(x, 2 if net is lpips.VGG else 3, 2, ceil_mode=net is lpips.SQUEEZE)
            for i in positions:
                if net is lpips.SQUEEZE and i:
                    x = convolve(x, f"{i}.squeeze")
                    x = torch.cat([convolve(x, f"{i}.expand1x1"), convolve(x, f"{i}.expand3x3", padding=1)], 1)
                elif i == 0 and net is not lpips.VGG:
                    x = convolve(x, "0", *((4, 2) if net is lpips.ALEX else (2, 0)))
                else:
                    x = convolve(x, f"{i}", padding=state[f"features.{i}.weight"].shape[2] // 2)
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    heads = [state[f"lin{stage}.model.1.weight"] for stage in range(len(net.stages))]
    return sum(F.conv2d((x - y).square(), w).mean((1, 2, 3)) for x, y, w in zip(maps(a), maps(b), heads)).numpy()


@pytest.mark.parametrize("side", [40, 47])
@pytest.mark.parametrize("thin, net", [(thin_vgg, lpips.VGG), (thin_alex, lpips.ALEX), (thin_squeeze, lpips.SQUEEZE)])
def test_distances_are_torchs_for_all_networks(torch, thin, net, side):
    tensors = thin(np.random.default_rng(0))
    a, b = (RNG.uniform(-1, 1, (2, side, side, 3)).astype(np.float32) for _ in range(2))
    weights = lpips.from_tensors(tensors)
    assert lpips.trunk(weights) is net
    np.testing.assert_allclose(
        jax.jit(lpips.distance)(weights, a, b), torch_distance(torch, net, tensors, a, b), rtol=1e-4
    )


def test_squeezenet_takes_images_down_to_its_least_side_and_its_missing_tensors_are_named():
    tensors = thin_squeeze(np.random.default_rng(0))
    weights = lpips.from_tensors(tensors)
    a, b = (RNG.uniform(-1, 1, (1, lpips.SQUEEZE.least_side, lpips.SQUEEZE.least_side, 3)) for _ in range(2))
    assert len(weights.linear) == 7 and lpips.distance(weights, a, b)[0] > 0
    assert [x.shape[1] for x in lpips.features(weights, a)] == [8, 4, 2, 1, 1, 1, 1]
    with pytest.raises(UserError, match=r"'features\.9\.expand3x3\.bias' \(or 'net\.slice4\.9\.expand3x3\.bias'\)"):
        lpips.from_tensors({name: x for name, x in tensors.items() if name != "features.9.expand3x3.bias"})
    inside = {f"net.slice{k + 1}.{p}": 0 for k, stage in enumerate(lpips.SQUEEZE.stages) for p in stage}
    assert all(lpips.is_needed(f"{name}.squeeze.weight") for name in inside)
