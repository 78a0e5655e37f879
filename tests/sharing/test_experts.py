"""Promises of mixtures of experts."""

import torch
import torch.nn.functional as F

import helpers
from laws import close
from lepton.sharing.experts import Experts


def model(**options: object) -> Experts:
    torch.manual_seed(0)
    widths = {"trunk": (6, 8, 10), "branch": (3, 4, 5)}
    one = helpers.scramble(helpers.fresh("experts", helpers.image(), helpers.tasks(), **widths, **options)).eval()
    assert isinstance(one, Experts)
    return one


def shares(one: Experts, x: torch.Tensor) -> torch.Tensor:
    return one.gate(x).reshape(len(x), len(one.tasks), -1).softmax(2)


def test_with_one_expert_it_is_hard_sharing() -> None:
    one, hard = model(experts=1), helpers.model("hard").eval()
    state = {name.replace("trunk.columns.0.", "trunk."): value for name, value in one.state_dict().items()}
    hard.load_state_dict({name: value for name, value in state.items() if not name.startswith("gate.")})
    x = helpers.batch(one.tasks).inputs
    expected = hard(x)
    for name, raw in one(x).items():
        close(raw, expected[name], 1e-5)


def test_heads_read_the_gated_sum_of_their_own_views_of_all_experts() -> None:
    """Σ_e g[t,e] W[t,e] s[e], sample by sample."""
    one = model(experts=3)
    x = helpers.batch(one.tasks, rows=5).inputs
    experts = [column(x) for column in one.trunk.columns.values()]
    features, share_BTE = one.features(x, one.read(one.trunk(x))), shares(one, x)
    for place, name in enumerate(one.structure.readers[2]):
        weights = one.reads[2].weight.unflatten(0, (4, 3, 5))[place]
        views = [F.conv2d(expert[2], weight) for expert, weight in zip(experts, weights, strict=True)]
        share_BE = share_BTE[:, list(one.tasks).index(name)]
        mixed = sum(share_BE[:, number, None, None, None] * view for number, view in enumerate(views))
        mine, norm = slice(5 * place, 5 * place + 5), one.norms[2]
        statistics = norm.running_mean[mine], norm.running_var[mine], norm.weight[mine], norm.bias[mine]
        close(one.by_task(2, features[2])[name], F.batch_norm(mixed, *statistics).relu(), 1e-5)


def test_gates_are_shares_that_differ_between_samples_and_tasks() -> None:
    one = model(experts=2, own_experts=1)
    x = helpers.batch(one.tasks, rows=6).inputs
    share_BTE = shares(one, x)
    assert share_BTE.shape == (6, 4, 3)
    close(share_BTE.sum(2), torch.ones(6, 4), 1e-6)
    assert share_BTE.std(0).min() > 0
    assert share_BTE.std(1).min() > 0


def test_own_experts_are_read_by_their_task_alone_and_go_on_from_its_mix() -> None:
    one = model(experts=2, own_experts=2)
    assert one.structure.readers == one.structure.owners
    assert one.structure.readers[0] == tuple(one.tasks)
    x = helpers.batch(one.tasks).inputs
    before = one(x)
    with torch.no_grad():
        first, *_ = one.branches[1].weight.chunk(4)
        first.normal_()
    after = one(x)
    assert not torch.allclose(after["digit"], before["digit"])
    assert all(torch.equal(after[name], before[name]) for name in ("objects", "ink", "tilt"))


def test_without_own_experts_heads_read_only_what_they_need() -> None:
    one = model()
    assert one.structure.readers == helpers.model("hard").structure.readers
    assert one.structure.owners == ((), (), ())
