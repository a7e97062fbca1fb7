"""Runs the reference model's MTP layer: rows over a text, and chains of three drafts.

Usage: forward_mtp.py

Writes tests/golden/forward/: reference_mtp.safetensors and reference_mtp.json;
tests/golden/README.md describes them. Needs reference_tokens.json (forward_reference.py).

transformers does not build the MTP layer: forward_setup.Mtp joins hidden state and embedding,
runs transformers' own decoder layer with the MTP layer's weights, and applies shared_head.norm.

A chain of drafts at position p of a text x, with h = hidden states after the final norm:
  step 1  row (h_p, embedding of x_{p+1}) at RoPE position p          -> m_1, d_1 = argmax
  step 2  row (m_1, embedding of d_1) at RoPE position p + 1          -> m_2, d_2
  step 3  row (m_2, embedding of d_2) at RoPE position p + 2          -> m_3, d_3
m is the output of shared_head.norm. The MTP layer's attention and indexer see the rows
(h_q, x_{q+1}) of the true text for q <= p and the chain's own earlier rows. No embedding is set
to zero at position 0. With g_1, g_2, g_3 the main model's greedy continuation of x_0 .. x_{p+1},
d_j is accepted if d_i = g_i for all i <= j: what greedy verification accepts after this text.
Nothing is approximated: g_2, g_3, d_2 and d_3 are computed for every p, all in three passes, as
rows that see only their own chain; check_chains compares some with plain passes.
"""

import json

import torch
from forward_setup import (
    FORWARD,
    REFERENCE,
    Mtp,
    branch_mask,
    double_products,
    float_changes,
    greedy,
    json_text,
    load_model,
    record,
    save_tensors,
)

DEPTH = 3
ROWS_LENGTH = 80
LOGIT_ROWS = [0, 1, 20, 40, 63, 64, 70, 78]
GENERATED_TOKENS = 160
CHECKED_POSITIONS = (0, 70, 190)


def main_rows(model, ids, groups, ends):
    """Main model's final norm and logits of a text and of groups of rows continuing its prefixes
    up to ends: group j holds the token j + 1 places after the prefix."""
    tokens = torch.tensor([ids + [token for group in groups for token in group]])
    positions = list(range(len(ids)))
    for depth in range(len(groups)):
        positions += [end + 1 + depth for end in ends]
    mask = {"indexed_attention": branch_mask(len(ids), ends, len(groups))}
    hidden = model.model(
        input_ids=tokens,
        attention_mask=mask,
        position_ids=torch.tensor([positions]),
        use_cache=False,
    ).last_hidden_state[0]
    return hidden, model.lm_head(hidden)


def greedy_choices(model, ids):
    """Hidden states [T, H] of a text and, for each p < T - 1, g_1 .. g_3 as [T - 1, 3]."""
    ends = list(range(1, len(ids)))
    groups = []
    for depth in range(DEPTH):
        hidden, logits = main_rows(model, ids, groups, ends)
        rows = logits[1 : len(ids)] if depth == 0 else logits[-len(ends) :]
        groups.append(rows.argmax(-1).tolist())
    return hidden[: len(ids)], torch.tensor(groups).T


def drafts(mtp, ids, hidden):
    """d_1 .. d_3 for each p < T - 1 as [T - 1, 3]."""
    count = len(ids) - 1
    ends = list(range(count))
    tokens, previous = torch.tensor(ids[1:]), hidden[:count]
    chosen = []
    for depth in range(DEPTH):
        positions = torch.cat([torch.arange(count) + step for step in range(depth + 1)])
        after_norm, logits = mtp.rows(
            tokens, previous, positions, branch_mask(count, ends, depth)
        )
        chosen.append(logits[-count:].argmax(-1))
        tokens = torch.cat((tokens, chosen[-1]))
        previous = torch.cat((previous, after_norm[-count:]))
    return torch.stack(chosen, dim=-1)


def check_chains(model, mtp, ids, greedy_rows, draft_rows):
    """Compares chains with plain passes over the prefix and the chain's own rows."""
    for p in CHECKED_POSITIONS:
        prefix = ids[: p + 2]
        assert greedy(model, prefix, DEPTH)[0] == greedy_rows[p].tolist(), p
        hidden = model.model(torch.tensor([prefix]), use_cache=False).last_hidden_state[0]
        tokens, previous = prefix[1:], hidden[: p + 1]
        for step in range(DEPTH):
            count = len(tokens)
            after_norm, logits = mtp.rows(
                torch.tensor(tokens), previous, torch.arange(count), branch_mask(count, [], 0)
            )
            assert logits[-1].argmax().item() == draft_rows[p, step].item(), (p, step)
            tokens = tokens + [logits[-1].argmax().item()]
            previous = torch.cat((previous, after_norm[-1:]))


def accepted(greedy_rows, draft_rows):
    """Whether d_j is accepted, [rows, 3]."""
    return (greedy_rows == draft_rows).long().cumprod(-1)


def describe_acceptance(rows):
    """Share of positions where the j-th draft is accepted, of those where the one before it was,
    and tokens per verification: one more than the accepted drafts."""
    shares = rows.double().mean(0).tolist()
    before = [1.0, *shares]
    return {
        "positions": len(rows),
        "accepted": rows.sum(0).tolist(),
        "acceptance": shares,
        "conditional": [share / earlier for share, earlier in zip(shares, before, strict=False)],
        "tokens_per_step": 1 + sum(shares),
    }


def held_out(model, mtp, windows):
    """Acceptance at all positions of the evaluation text."""
    rows = []
    for number, ids in enumerate(windows):
        hidden, greedy_rows = greedy_choices(model, ids)
        draft_rows = drafts(mtp, ids, hidden)
        if number == 0:
            check_chains(model, mtp, ids, greedy_rows, draft_rows)
        rows.append(accepted(greedy_rows, draft_rows))
    return describe_acceptance(torch.cat(rows))


def generated(model, mtp, prompts):
    """Acceptance in the main model's own greedy answers, up to the end token: chains whose first
    draft is the second token of the answer or a later one and whose last draft is within it."""
    rows = []
    for prompt in prompts:
        answer, _ = greedy(model, prompt, GENERATED_TOKENS, stop=model.config.eos_token_id)
        ids = prompt + answer
        hidden, greedy_rows = greedy_choices(model, ids)
        chains = range(len(prompt) - 1, len(ids) - 1 - DEPTH)
        for p in chains:
            assert greedy_rows[p].tolist() == ids[p + 2 : p + 2 + DEPTH]
        rows.append(accepted(greedy_rows, drafts(mtp, ids, hidden))[chains.start : chains.stop])
    return describe_acceptance(torch.cat(rows))


def text_rows(model, mtp, ids):
    """The golden rows of a text."""
    tensors = record(model, ids, mtp).tensors
    return {
        "input_ids": tensors["input_ids"],
        "mtp_hidden": tensors["mtp_hidden"],
        "mtp_logits": tensors["mtp_logits"][LOGIT_ROWS],
        "mtp_logit_rows": torch.tensor(LOGIT_ROWS, dtype=torch.int32),
    }


def main():
    """Writes the rows and the acceptance."""
    tokens = json.loads((FORWARD / "reference_tokens.json").read_text())
    model = load_model(REFERENCE, with_mtp=True)
    mtp = Mtp(model, REFERENCE / "model.safetensors")
    ids = tokens["flat"][:ROWS_LENGTH]
    tensors = text_rows(model, mtp, ids)
    with double_products():
        changes = float_changes(tensors, text_rows(model, mtp, ids))
    save_tensors(FORWARD / "reference_mtp.safetensors", tensors)
    results = {
        "tensors": changes,
        "acceptance": {
            "held_out_text": held_out(model, mtp, tokens["windows"]),
            "greedy_answers": generated(model, mtp, tokens["prompts"]),
        },
    }
    (FORWARD / "reference_mtp.json").write_text(json_text(results))
    print(json_text(results))


if __name__ == "__main__":
    main()
