"""What the forward_*.py scripts share: loading in float32, recording a forward pass, measuring it.

All passes run in transformers' GlmMoeDsaForCausalLM with eager attention and eager experts, in
float32, without cache and with one batch row. One thread and fixed shapes make them repeatable.
"""

import json
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import GlmMoeDsaConfig, GlmMoeDsaForCausalLM
from transformers.models.glm_moe_dsa.modeling_glm_moe_dsa import GlmMoeDsaRMSNorm

PROJECT = Path(__file__).resolve().parents[2]
FORWARD = PROJECT / "tests" / "golden" / "forward"
REFERENCE = PROJECT / "models" / "reference"
MTP_PARTS = ("eh_proj", "enorm", "hnorm", "shared_head.norm")

torch.set_num_threads(1)
torch.set_grad_enabled(False)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def load_model(folder, with_mtp=False, latent_eps=None):
    """The model in float32. with_mtp: the MTP layer is built as an additional decoder layer,
    model.model.layers[num_hidden_layers], which the main pass leaves out. latent_eps: instead of
    transformers' 1e-6 in q_a_layernorm and kv_a_layernorm."""
    entries = json.loads((folder / "config.json").read_text())
    layers = entries["num_hidden_layers"]
    if with_mtp:
        entries["num_hidden_layers"] = layers + 1
        for key, kind in {
            "indexer_types": "full",
            "mlp_layer_types": "sparse",
            "layer_types": "indexed_attention",
        }.items():
            if key in entries:
                entries[key] = entries[key] + [kind]
    model, loading = GlmMoeDsaForCausalLM.from_pretrained(
        folder,
        config=GlmMoeDsaConfig(**entries),
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    left_out = loading.pop("unexpected_keys")
    mtp_prefix = f"model.layers.{layers}."
    assert all(key.startswith(mtp_prefix) for key in left_out), left_out
    assert not with_mtp or left_out == {f"{mtp_prefix}{part}.weight" for part in MTP_PARTS}
    assert not any(loading.values()), loading
    model.config.num_hidden_layers = layers
    if latent_eps is not None:
        for name, module in model.named_modules():
            if name.endswith(("q_a_layernorm", "kv_a_layernorm")):
                assert isinstance(module, GlmMoeDsaRMSNorm)
                module.variance_epsilon = latent_eps
    return model.eval()


@contextmanager
def double_products():
    """Every linear and matrix product in float64, its result rounded to float32."""
    linear, matmul = torch.nn.functional.linear, torch.matmul

    def double_linear(x, weight, bias=None):
        return linear(x.double(), weight.double(), None if bias is None else bias.double()).float()

    def double_matmul(left, right):
        return matmul(left.double(), right.double()).float()

    with (
        mock.patch("torch.nn.functional.linear", double_linear),
        mock.patch("torch.matmul", double_matmul),
    ):
        yield


def rotate_interleaved(x, cos, sin):
    """RoPE of x [..., T, dims] on the pairs (0, 1), (2, 3), ..., each left in its place."""
    half = cos.shape[-1] // 2
    cos, sin = cos[..., :half].double(), sin[..., :half].double()
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1).flatten(-2)


def index_scores(indexer, hidden, q_latent, position_embeddings):
    """Scores [T, T] from the outputs of the indexer's linears, in float64, written anew; not
    masked."""
    cos, sin = (part[0] for part in position_embeddings)
    rope = indexer.qk_rope_head_dim
    q = indexer.wq_b(q_latent)[0].double().unflatten(-1, (indexer.n_heads, -1)).transpose(0, 1)
    k = indexer.wk(hidden)[0].double()
    k = (k - k.mean(-1, keepdim=True)) / (k.var(-1, correction=0, keepdim=True) + 1e-6).sqrt()
    k = k * indexer.k_norm.weight.double() + indexer.k_norm.bias.double()
    q, k = (
        torch.cat((rotate_interleaved(x[..., :rope], cos, sin), x[..., rope:]), dim=-1)
        for x in (q, k)
    )
    heads = (q @ k.T).relu() * indexer.head_dim**-0.5
    head_weights = indexer.weights_proj(hidden)[0].double() * indexer.n_heads**-0.5
    return torch.einsum("th,htu->tu", head_weights, heads)


def causal_selection(indices):
    """Sorted causal indices [T, K] of transformers' top-k [1, T, K], padded with -1."""
    rows = indices[0].tolist()
    chosen = [sorted(key for key in row if key <= query) for query, row in enumerate(rows)]
    return torch.tensor(
        [row + [-1] * (indices.shape[-1] - len(row)) for row in chosen], dtype=torch.int32
    )


def index_gaps(scores, selection):
    """For each query with more keys than K: (k-th score - next score) / standard deviation of
    the query's causal scores. Asserts that the selection is that of the scores, ties aside."""
    count = selection.shape[1]
    gaps = []
    for query in range(count, len(scores)):
        ordered, keys = scores[query, : query + 1].sort(descending=True)
        gap = ((ordered[count - 1] - ordered[count]) / ordered.std().clamp(min=1e-30)).item()
        assert gap < 1e-5 or sorted(keys[:count].tolist()) == selection[query].tolist(), query
        gaps.append(gap)
    return gaps


def router_gaps(gate, logits):
    """For each token: the least change of a choice score (sigmoid + bias) or group score that
    alters the chosen experts or groups; and whether the bias alters the chosen experts."""
    scores = logits.double().sigmoid()
    bias = gate.e_score_correction_bias.double()

    def choose(choice):
        gaps = torch.full((len(choice),), torch.inf, dtype=torch.float64)
        if gate.topk_group < gate.num_group:
            grouped = choice.unflatten(-1, (gate.num_group, -1))
            group_scores = grouped.topk(2).values.sum(-1)
            ordered, order = group_scores.sort(descending=True)
            gaps = ordered[:, gate.topk_group - 1] - ordered[:, gate.topk_group]
            left_out = torch.zeros_like(group_scores, dtype=torch.bool)
            left_out.scatter_(1, order[:, gate.topk_group :], True)
            choice = grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf).flatten(1)
        ordered, order = choice.sort(descending=True)
        gaps = gaps.minimum(ordered[:, gate.top_k - 1] - ordered[:, gate.top_k])
        return order[:, : gate.top_k].sort().values, gaps

    chosen, gaps = choose(scores + bias)
    unbiased, _ = choose(scores)
    return chosen, gaps, (chosen != unbiased).any(-1)


class Recorder:
    """Records the tensors of one pass, the MTP layer's included, with the gaps of its choices."""

    def __init__(self, model):
        self.tensors, self.index_gaps, self.router_gaps, self.bias_shares = {}, {}, {}, {}
        self.handles = []
        inner = model.model
        self.watch(inner.embed_tokens, lambda _, out: self.keep("embeddings", out[0]))
        self.watch(inner.norm, lambda _, out: self.keep("final_norm", out[0]))
        for number, layer in enumerate(inner.layers):
            self.watch(layer, lambda _, out, i=number: self.keep(f"layer.{i}", out[0][0]))
            indexer = layer.self_attn.indexer
            if indexer is not None:
                self.watch(
                    indexer, lambda args, out, i=number, m=indexer: self.selected(i, m, args, out)
                )
            gate = getattr(layer.mlp, "gate", None)
            if gate is not None:
                self.watch(gate, lambda _, out, i=number, m=gate: self.routed(i, m, out))

    def watch(self, module, record):
        self.handles.append(module.register_forward_hook(lambda _, args, out: record(args, out)))

    def keep(self, name, tensor):
        self.tensors[name] = tensor.clone().contiguous()

    def selected(self, number, indexer, args, indices):
        selection = causal_selection(indices)
        self.keep(f"selected.{number}", selection)
        self.index_gaps[number] = index_gaps(index_scores(indexer, *args[:3]), selection)

    def routed(self, number, gate, outputs):
        logits, _, indices = outputs
        chosen, gaps, biased = router_gaps(gate, logits)
        ordered = indices.sort().values
        assert chosen.equal(ordered)
        self.keep(f"router.{number}", ordered.int())
        self.router_gaps[number] = gaps.tolist()
        self.bias_shares[number] = biased.double().mean().item()

    def close(self):
        for handle in self.handles:
            handle.remove()


def record(model, ids, mtp=None):
    """A Recorder after one pass over ids; its tensors hold input_ids and logits too."""
    recorder = Recorder(model)
    recorder.keep("input_ids", torch.tensor(ids, dtype=torch.int32))
    recorder.keep("logits", model(torch.tensor([ids]), use_cache=False).logits[0])
    if mtp is not None:
        hidden, logits = mtp.text_rows(ids, recorder.tensors["final_norm"])
        recorder.keep("mtp_hidden", hidden)
        recorder.keep("mtp_logits", logits)
    recorder.close()
    return recorder


def float_changes(expected, other):
    """RMS, change and tolerances of each float tensor; integer tensors must be equal."""
    changes = {}
    for name, tensor in expected.items():
        if not tensor.is_floating_point():
            assert tensor.equal(other[name]), f"{name} differs with float64 products"
            continue
        rms = tensor.double().square().mean().sqrt().item()
        change = other[name].double() - tensor.double()
        change_rms, change_max = change.square().mean().sqrt().item(), change.abs().max().item()
        changes[name] = {
            "rms": rms,
            "change_rms": change_rms,
            "change_max": change_max,
            "tolerance_rms": max(1e-4 * rms, 10 * change_rms),
            "tolerance_max": max(1e-4 * rms, 10 * change_max),
        }
    return changes


def describe_gaps(recorder):
    """The gaps of a recorded pass, for tolerance.json."""
    index_gaps = [gap for gaps in recorder.index_gaps.values() for gap in gaps]
    return {
        "smallest_index_gap": min(index_gaps, default=None),
        "smallest_router_gap": min(gap for gaps in recorder.router_gaps.values() for gap in gaps),
        "tokens_routed_otherwise_without_bias": recorder.bias_shares,
        "index_gaps": recorder.index_gaps,
        "router_gaps": recorder.router_gaps,
    }


def rounded(value):
    """Floats to six significant digits, recursively."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {str(key): rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def json_text(value, depth=2):
    """JSON with dictionaries indented down to depth, what is deeper on one line."""

    def lines(entry, level):
        if not isinstance(entry, dict) or level >= depth:
            return json.dumps(entry, separators=(",", ":"))
        pad = "  " * (level + 1)
        parts = (f"{pad}{json.dumps(key)}: {lines(part, level + 1)}" for key, part in entry.items())
        return "{\n" + ",\n".join(parts) + "\n" + "  " * level + "}"

    return lines(rounded(value), 0) + "\n"


def save_tensors(path, tensors):
    """Writes contiguous copies, in a fixed order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensors[name].contiguous().clone() for name in sorted(tensors)}, path)


class Mtp:
    """The MTP layer of a model loaded with_mtp: docs/model.md#mtp around transformers' layer."""

    def __init__(self, model, weights):
        number = model.config.num_hidden_layers
        self.model, self.layer = model, model.model.layers[number]
        self.eps = model.config.rms_norm_eps
        with safe_open(weights, "pt") as tensors:
            for part in MTP_PARTS:
                tensor = tensors.get_tensor(f"model.layers.{number}.{part}.weight").float()
                setattr(self, part.replace(".", "_"), tensor)

    def norm(self, x, weight):
        """RMSNorm with rms_norm_eps."""
        return weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))

    def rows(self, tokens, hidden, positions, mask):
        """Hidden states after shared_head.norm and logits of rows with the given next tokens [R],
        previous hidden states [R, H], RoPE positions [R] and additive mask [1, 1, R, R]."""
        embedding = torch.nn.functional.embedding(tokens, self.model.model.embed_tokens.weight)
        joined = torch.cat(
            (self.norm(embedding, self.enorm), self.norm(hidden, self.hnorm)), dim=-1
        )
        stream = torch.nn.functional.linear(joined, self.eh_proj).unsqueeze(0)
        positions = positions.unsqueeze(0)
        stream, _ = self.layer(
            stream,
            attention_mask=mask,
            position_ids=positions,
            position_embeddings=self.model.model.rotary_emb(stream, position_ids=positions),
        )
        after_norm = self.norm(stream[0], self.shared_head_norm)
        return after_norm, self.model.lm_head(after_norm)

    def text_rows(self, ids, hidden):
        """The first T - 1 rows of a text: row t joins hidden[t] with token t + 1 at position t."""
        count = len(ids) - 1
        return self.rows(
            torch.tensor(ids[1:]), hidden[:count], torch.arange(count), branch_mask(count, [], 0)
        )


def branch_mask(base, ends, depth):
    """Additive mask [1, 1, R, R] of base causal rows followed by depth groups of len(ends) rows.
    Row c of each group sees the base rows up to ends[c], row c of earlier groups, and itself."""
    chains = len(ends)
    rows = base + depth * chains
    seen = torch.zeros(rows, rows, dtype=torch.bool)
    seen[:base, :base] = torch.ones(base, base, dtype=torch.bool).tril()
    for group in range(depth):
        start = base + group * chains
        seen[start : start + chains, :base] = torch.arange(base) <= torch.tensor(ends).unsqueeze(1)
        for earlier in range(group + 1):
            own = base + earlier * chains
            seen[start : start + chains, own : own + chains] = torch.eye(chains, dtype=torch.bool)
    mask = torch.zeros(rows, rows).masked_fill(~seen, torch.finfo(torch.float32).min)
    return mask[None, None]


def greedy(model, prompt, count, stop=()):
    """Up to count greedy tokens after a prompt, each from a pass over the whole text, ending after
    a token of stop; and the smallest difference of the two largest logits on the way."""
    ids, margin = list(prompt), float("inf")
    while len(ids) < len(prompt) + count and not (len(ids) > len(prompt) and ids[-1] in stop):
        logits = model(torch.tensor([ids]), use_cache=False, logits_to_keep=1).logits[0, 0]
        values, tokens = logits.topk(2)
        margin = min(margin, (values[0] - values[1]).item())
        ids.append(tokens[0].item())
    return ids[len(prompt) :], margin
