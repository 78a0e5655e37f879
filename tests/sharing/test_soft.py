"""Promises of a network per task mixed by α."""

import torch

import helpers
from laws import close
from lepton.sharing.soft import Soft


def model() -> Soft:
    one = helpers.model("soft").eval()
    assert isinstance(one, Soft)
    return one


def columns(one: Soft, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
    return {name: one.trunk.columns[name](x) for name in one.tasks}


def test_features_are_what_all_share_and_what_is_a_tasks_own() -> None:
    """f_shared = Σ αᵢ fᵢ and a task's term of f_specific = Σ (1 − αᵢ) fᵢ, written down without kernels or tricks."""
    one = model()
    x = helpers.batch(one.tasks).inputs
    own, features = columns(one, x), one.features(x, one.read(one.trunk(x)))
    for level, width in enumerate(one.structure.trunk):
        alpha = dict(zip(one.tasks, one.alpha_TL[:, level], strict=True))
        shared = sum(alpha[name] * own[name][level] for name in one.tasks)
        for place, (name, feature) in enumerate(one.by_task(level, features[level]).items()):
            mine = slice(place * width, (place + 1) * width)
            norm = one.norms[level]
            statistics = norm.running_mean[mine], norm.running_var[mine], norm.weight[mine], norm.bias[mine]
            mixed = shared + (1 - alpha[name]) * own[name][level]
            close(feature, torch.nn.functional.batch_norm(mixed, *statistics).relu(), 1e-5)


def test_where_every_alpha_is_zero_each_task_is_a_network_of_its_own() -> None:
    one = model()
    one.fixed_TL[:] = 0.0
    x = helpers.batch(one.tasks).inputs
    before = one(x)
    with torch.no_grad():
        for parameter in one.trunk.columns["ink"].parameters():
            parameter.normal_()
    after = one(x)
    assert torch.equal(after["digit"], before["digit"])
    assert not torch.allclose(after["ink"], before["ink"])


def test_a_task_with_alpha_zero_gives_the_others_nothing_and_one_with_alpha_one_keeps_nothing() -> None:
    one = model()
    one.fixed_TL[0], one.fixed_TL[1] = 0.0, 1.0
    q = {}
    for name in ("digit", "objects"):
        shared = [torch.zeros(1, 4 * width, 2, 2) for width in one.structure.trunk]
        place = list(one.tasks).index(name)
        width = one.structure.trunk[-1]
        shared[-1][:, place * width : (place + 1) * width] = 1.0
        q[name] = [float(part.detach().mean()) for part in one.read(shared)[-1].chunk(4, 1)]
    assert q["digit"] == [1, 0, 0, 0]
    assert q["objects"] == [1, 1, 1, 1]


def test_at_levels_that_no_head_reads_nothing_is_shared() -> None:
    one = helpers.model("soft", {"digit": helpers.digit(), "tilt": helpers.tilt()})
    assert isinstance(one, Soft)
    assert one.degrees()["digit"][:2] == [0, 0]
    assert one.snapped()["tilt"] == [True, True, False]
    one.start({name: [0.3, 0.4, 0.6] for name in one.tasks})
    close(one.alpha_TL, torch.tensor([[0, 0, 0.6]] * 2), 1e-5)


def test_what_a_task_gives_is_for_the_other_tasks_to_say() -> None:
    """α f + (1 − α) f = f: its own α does not change what a task gets."""
    one = model().train()
    x = helpers.batch(one.tasks).inputs
    (grad,) = torch.autograd.grad(one(x)["digit"].square().sum(), one.degree_TL)
    assert grad[1:, -1].ne(0).all()
    close(grad[0], torch.zeros(3), 1e-5)
    assert grad[:, :-1].eq(0).all()
