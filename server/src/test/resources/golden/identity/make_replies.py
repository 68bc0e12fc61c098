"""Makes replies.json: what Hugging Face's GPT-2 answers greedily with a random checkpoint of four layers.

Made with Python 3.11, torch 2.7.1 on the CPU with one thread, transformers 4.57.1. Usage:

    python make_replies.py replies.json --tokenizer DIR --dialogues FILE

DIR holds GPT-2's vocab.json and merges.txt, FILE is self-dialogue's valid.jsonl.gz; neither is copied: of its
first 200 openings only the replies' ids and a digest of the prompts are kept. The checkpoint is a function of
SEED (IdentityModel.java has the same one): every number fits into 11 bits, so that fp16 weights are exact.
"""
import argparse, gzip, hashlib, json, struct
from pathlib import Path

import numpy, torch
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

SEED, EOS, OPENINGS, NEW_TOKENS = 3, 50256, 200, 16
SHAPE = dict(vocab_size=EOS + 1, n_positions=160, n_embd=64, n_layer=4, n_head=4)
OWN = ["Hello!", "When are you open?", "I never liked that film, did you?", "Who won the game last night?",
    "Do you know a good place to eat near the station that is open late on a Sunday evening?", "Hm.",
    "My bicycle has a flat tyre and I need it tomorrow at seven in the morning. What can I do?", "Grüß Gott",
    "I have been reading about the history of music for weeks now, and the more I read the less I understand.",
    "What?", "Tell me about your favourite song.", "It rains. It rains again. It has been raining for days."]


def mixed(z):
    """SplitMix64's finalizer (Steele, Lea, Flood 2014)."""
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return z ^ (z >> numpy.uint64(31))


def numbers(tensor, count):
    """Odd multiples of 1/1024 between -1 and 1."""
    index = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64((SEED << 48) + (tensor << 32) + 1)
    bits = mixed(index * numpy.uint64(0x9E3779B97F4A7C15)) >> numpy.uint64(54)
    return ((2 * bits.astype(numpy.int64) - 1023) / 1024).astype(numpy.float32)


def model():
    model = GPT2LMHeadModel(GPT2Config(**SHAPE, bos_token_id=EOS, eos_token_id=EOS, resid_pdrop=0.0, embd_pdrop=0.0,
        attn_pdrop=0.0, attn_implementation="eager"))
    with torch.no_grad():
        for tensor, (name, p) in enumerate(model.named_parameters()):
            values = torch.from_numpy(numbers(tensor, p.numel())).reshape(p.shape)
            if ".ln_" in name and name.endswith("weight"):
                p.copy_(1 + values / 4)
            elif p.ndim == 1:
                p.copy_(values / 4)
            else:
                p.copy_(values / (1 if "wte" in name or "wpe" in name else 2))
    return model.eval()


@torch.no_grad()
def reply(model, prompt):
    """The most probable token each time, and the smallest distance of best and second logit."""
    ids, past, margin, new = prompt + [EOS], None, float("inf"), []
    feed = torch.tensor([ids])
    while len(new) < NEW_TOKENS:
        out = model(feed, past_key_values=past, use_cache=True)
        past = out.past_key_values
        top = out.logits[0, -1].topk(2)
        margin = min(margin, (top.values[0] - top.values[1]).item())
        token = top.indices[0].item()
        if token == EOS:
            break
        new.append(token)
        feed = torch.tensor([[token]])
    return new, margin


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("--dialogues", type=Path, required=True)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    tokenizer = GPT2TokenizerFast(str(options.tokenizer / "vocab.json"), str(options.tokenizer / "merges.txt"))
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    m = model()
    own = [{"text": text, "prompt": ids(text), "reply": reply(m, ids(text))} for text in OWN]
    with gzip.open(options.dialogues, "rt", encoding="utf-8") as rows:
        openings = [ids(json.loads(row)["messages"][0]["content"]) for _, row in zip(range(OPENINGS), rows)]
    assert max(map(len, openings)) + NEW_TOKENS < SHAPE["n_positions"], max(map(len, openings))
    digest = hashlib.sha256()
    for prompt in openings:
        digest.update(struct.pack(f"<{len(prompt) + 1}i", *prompt, -1))
    valid = [reply(m, prompt) for prompt in openings]
    margin = min([case["reply"][1] for case in own] + [margin for _, margin in valid])
    different = len({tuple(r) for r, _ in valid})
    print(f"smallest margin {margin:.2g}, {different} different replies, {sum(len(r) for r, _ in valid)} tokens")
    assert margin > 1e-4, "rounding may decide: take another SEED"
    for case in own:
        case["reply"] = case["reply"][0]
    result = {"new_tokens": NEW_TOKENS, "smallest_margin": float(f"{margin:.3g}"), "own": own,
        "openings": {"sha256": digest.hexdigest(), "replies": [r for r, _ in valid]}}
    options.out.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
