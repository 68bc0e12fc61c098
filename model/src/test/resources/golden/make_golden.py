"""Makes Parley's golden files: small outputs of Hugging Face transformers that Parley's tests compare with.

Made with Python 3.11.7, torch 2.7.1 (CPU, one thread), transformers 4.57.1, tokenizers 0.22.2
(`versions.json` holds what was really used). Usage:

    python make_golden.py OUT --tokenizer DIR --dialogues FILE

DIR holds GPT-2's vocab.json and merges.txt, FILE is self-dialogue's valid.jsonl.gz; neither is copied.
Every run gives the same numbers. The bytes of legacy*/pytorch_model.bin alone change from run to run, since
torch writes the addresses of its storages there; their tensors do not.
"""
import argparse, copy, gzip, hashlib, itertools, json, math, platform, struct
from pathlib import Path

import tokenizers, torch, transformers
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, GPT2Tokenizer, GPT2TokenizerFast

from texts import TEXTS

SEED = 24  # of the model; chosen so that greedy decoding meets no near tie and no EOS (checked below)
EOS, LAYERS, POSITIONS = 256, 2, 96
SHAPE = dict(vocab_size=EOS + 1, n_positions=POSITIONS, n_embd=24, n_layer=LAYERS, n_head=3)


def rounded(value):
    """Floats with nine significant digits (a float32 survives), -inf as null."""
    if isinstance(value, float):
        assert value == value and value != math.inf
        return None if value == -math.inf else float(f"{value:.9g}")
    if isinstance(value, torch.Tensor):
        return rounded(value.tolist())
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, (list, tuple)) else value


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded(value), separators=(",", ":")) + "\n", encoding="ascii")


def random_ids(generator, length):
    return torch.randint(0, EOS, (length,), generator=generator).tolist()


def load(folder):
    return GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


# ---------------------------------------------------------------------------------------------- checkpoints

def tiny_model(seed=SEED):
    """Every tensor is random, biases and LayerNorms too: a swapped or forgotten one shows in the logits."""
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(**SHAPE, bos_token_id=EOS, eos_token_id=EOS, initializer_range=0.4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, attn_implementation="eager"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim == 1:
                is_scale = ".ln_" in name and name.endswith("weight")
                p.copy_(torch.randn_like(p) * 0.3 + (1.0 if is_scale else 0.0))
    return model.eval()


def save_checkpoints(model, out):
    model.save_pretrained(out / "fp32")
    copy.deepcopy(model).half().save_pretrained(out / "fp16")
    copy.deepcopy(model).bfloat16().save_pretrained(out / "bf16")
    model.save_pretrained(out / "sharded", max_shard_size="40KB")

    # The old hub layouts. Their config.json has no dtype; n_ctx and n_special are of that time.
    old = dict(SHAPE, activation_function="gelu_new", architectures=["GPT2LMHeadModel"], attn_pdrop=0.0,
        bos_token_id=EOS, embd_pdrop=0.0, eos_token_id=EOS, initializer_range=0.4, layer_norm_epsilon=1e-5,
        model_type="gpt2", n_ctx=POSITIONS, n_special=0, predict_special_tokens=True, resid_pdrop=0.0)

    def save(folder, state, **options):
        (out / folder).mkdir(parents=True, exist_ok=True)
        torch.save(state, out / folder / "pytorch_model.bin", **options)
        (out / folder / "config.json").write_text(json.dumps(old, indent=2, sort_keys=True) + "\n")

    mask = torch.tril(torch.ones(POSITIONS, POSITIONS)).view(1, 1, POSITIONS, POSITIONS)
    for folder, dtype in (("legacy", torch.float16), ("legacy32", torch.float32)):  # DialoGPT
        state = copy.deepcopy(model).to(dtype).state_dict()  # an OrderedDict with a _metadata attribute
        state["lm_head.weight"] = state["lm_head.weight"].clone()  # a storage of its own
        for i in range(LAYERS):
            state[f"transformer.h.{i}.attn.bias"] = mask.to(dtype, copy=True)
        save(folder, state, _use_new_zipfile_serialization=False)

    prefix = "transformer."
    state = {k[len(prefix):]: v for k, v in model.state_dict().items() if k.startswith(prefix)}  # gpt2: no head
    for i in range(LAYERS):
        state[f"h.{i}.attn.bias"] = mask.clone()
        state[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save("zip", state)

    for folder, same_as in (("legacy", "fp16"), ("legacy32", "fp32"), ("zip", "fp32"), ("sharded", "fp32")):
        a, b = load(out / folder).state_dict(), load(out / same_as).state_dict()
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a), folder


# ------------------------------------------------------------------------------------- logits, greedy decoding

@torch.no_grad()
def logits(out):
    g = torch.Generator().manual_seed(1)
    cases = []
    for length in (1, 17, 64):
        ids = random_ids(g, length)
        case = {"ids": ids, "first_position": max(0, length - 3)}
        for folder in ("fp32", "fp16", "bf16"):
            case[folder] = load(out / folder)(torch.tensor([ids])).logits[0, -3:]
        cases.append(case)
    write(out / "logits.json", {"cases": cases})


@torch.no_grad()
def greedy_cases(model, new_tokens=64):
    """A plain argmax loop over the whole prefix, without a cache. Longest: 32 + 64 = all 96 positions."""
    g = torch.Generator().manual_seed(2)
    cases = []
    for length in (1, 12, 32):
        prompt = random_ids(g, length)
        ids, margin = list(prompt), math.inf
        for _ in range(new_tokens):
            top = model(torch.tensor([ids])).logits[0, -1].topk(2)
            margin = min(margin, (top.values[0] - top.values[1]).item())
            ids.append(top.indices[0].item())
        cases.append({"prompt": prompt, "ids": ids[length:], "margin": margin})
    return cases


def greedy(model, out):
    cases = greedy_cases(model)
    for case in cases:
        prompt = torch.tensor([case["prompt"]])
        cached = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
            min_new_tokens=64, max_new_tokens=64, pad_token_id=EOS)[0, prompt.shape[1]:].tolist()
        assert cached == case["ids"] and EOS not in cached and case["margin"] > 1e-3, "take another SEED"
    write(out / "greedy.json", {"smallest_margin": min(c["margin"] for c in cases), "cases": cases})


# -------------------------------------------------------------------------------------------------- training

def dialogue(g, turns, longest):
    """Token ids of a dialogue, every turn ended by EOS; labels not shifted, first turn and its EOS ignored."""
    ids, labels = [], []
    for turn in range(turns):
        new = random_ids(g, int(torch.randint(1, longest + 1, (1,), generator=g))) + [EOS]
        ids += new
        labels += [-100] * len(new) if turn == 0 else new
    return ids, labels


def dialogues(g, count, turns, longest):
    pairs = [dialogue(g, turns(i), longest(i)) for i in range(count)]
    return {"ids": [i for i, _ in pairs], "labels": [l for _, l in pairs]}


def padded(batch, pad=EOS):
    """Pad id is EOS on purpose: hiding labels by token id instead of by position would hide real EOS."""
    width = max(map(len, batch["ids"]))
    return {key: [row + [fill] * (width - len(row)) for row in batch[key]]
        for key, fill in (("ids", pad), ("labels", -100))}


def loss_sum(model, batch, pad=EOS):
    rows = padded(batch, pad)
    scores = model(torch.tensor(rows["ids"])).logits[:, :-1].flatten(0, 1)
    return cross_entropy(scores, torch.tensor(rows["labels"])[:, 1:].flatten(), reduction="sum")


def targets(batch):
    return sum(label != -100 for row in batch["labels"] for label in row[1:])


def loss(model, out):
    batch = dialogues(torch.Generator().manual_seed(3), 4, lambda i: i + 2, lambda i: 14)
    rows = padded(batch)
    with torch.no_grad():
        total, n = loss_sum(model, batch).item(), targets(batch)
        mean = model(torch.tensor(rows["ids"]), labels=torch.tensor(rows["labels"])).loss.item()
        assert abs(mean - total / n) < 1e-5 and abs(total - loss_sum(model, batch, pad=0).item()) < 1e-3
        padded_too = cross_entropy(model(torch.tensor(rows["ids"])).logits[:, :-1].flatten(0, 1),
            torch.tensor(rows["ids"])[:, 1:].flatten()).item()
    write(out / "loss.json", {"pad": EOS, "lengths": [len(r) for r in batch["ids"]], **rows,
        "loss": mean, "sum": total, "targets": n, "loss_all_positions_and_pads": padded_too})


def gradients(model, batch, micro=None):
    """Loss of one optimiser step, accumulated over micro-batches: sum of all / targets of the whole step."""
    n, total, size = targets(batch), 0.0, micro or len(batch["ids"])
    model.zero_grad()
    for i in range(0, len(batch["ids"]), size):
        part = loss_sum(model, {k: v[i:i + size] for k, v in batch.items()}) / n
        part.backward()
        total += part.item()
    return total


def adamw_run(model, batches):
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1]  # all but biases and LayerNorms
    others = [p for name, p in model.named_parameters() if p.ndim == 1]
    assert all(n.endswith(".bias") or ".ln_" in n for n, p in model.named_parameters() if p.ndim == 1)
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 3, len(batches))
    steps = []
    for batch in batches:
        mean = gradients(model, batch)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        steps.append({"lr": schedule.get_last_lr()[0], "loss": mean, "grad_norm": norm,
            "targets": targets(batch), **batch})
        optimizer.step()
        schedule.step()
    return steps


def adamw(model, out):
    g = torch.Generator().manual_seed(4)
    batches = [dialogues(g, 4, lambda i: 2 + i % 3, lambda i: 12) for _ in range(10)]
    trained, double = copy.deepcopy(model), copy.deepcopy(model).double()
    steps = adamw_run(trained, batches)
    adamw_run(double, batches)
    # How well the parameters are determined at all: the same run in float64. The key part of c_attn.bias has
    # a gradient of exactly zero (softmax ignores a constant); Adam scales its rounding noise up.
    differences, e = {}, SHAPE["n_embd"]
    for (name, p), q in zip(trained.named_parameters(), double.parameters()):
        d = (p.double() - q).abs().detach()
        if name.endswith("c_attn.bias"):
            differences[name + "[key]"] = d[e:2 * e].max().item()
            d[e:2 * e] = 0
        differences[name] = d.max().item()
    trained.save_pretrained(out / "adamw")
    write(out / "adamw" / "steps.json", {"base_lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01,
        "clip": 1.0, "warmup": 3, "pad": EOS, "steps": steps, "float64_difference": differences})


def accumulation(model, out):
    g = torch.Generator().manual_seed(5)
    batch = dialogues(g, 32, lambda i: 2 + i % 3, lambda i: (2, 5, 11, 22)[i % 4])
    assert max(map(len, batch["ids"])) <= POSITIONS
    model, seen = copy.deepcopy(model), []
    for micro in (32, 8, 1):
        mean = gradients(model, batch, micro)
        norms = {name: p.grad.norm().item() for name, p in model.named_parameters()}
        seen.append((mean, math.sqrt(sum(v * v for v in norms.values())), norms))
    assert all(abs(s[0] - seen[0][0]) < 1e-5 and abs(s[1] - seen[0][1]) < 1e-4 for s in seen), seen
    with torch.no_grad():
        rows = [{k: v[i:i + 1] for k, v in batch.items()} for i in range(32)]
        naive = sum(loss_sum(model, r).item() / targets(r) for r in rows) / 32
    write(out / "accumulation.json", {"pad": EOS, **batch, "targets": targets(batch), "loss": seen[0][0],
        "grad_norm": seen[0][1], "grad_norms": seen[0][2], "mean_of_32_means_is_wrong": naive})


def schedules(out):
    result = {"base_lr": 1e-3, "warmup": 3, "total": 10}
    for name, make in (("linear", lambda o: transformers.get_linear_schedule_with_warmup(o, 3, 10)),
            ("cosine", lambda o: transformers.get_cosine_schedule_with_warmup(o, 3, 10)),
            ("constant", lambda o: transformers.get_constant_schedule_with_warmup(o, 3))):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
        schedule, result[name] = make(optimizer), []
        for _ in range(10):
            result[name].append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
    noam = [[s, 1e-5 * 1e4 * 1024 ** -0.5 * min((s + 1) ** -0.5, (s + 1) * 4000 ** -1.5)]
        for s in (0, 1, 2, 9, 99, 999, 3998, 3999, 4000, 4001, 7999, 9999, 15999, 99999)]  # DialoGPT's optim.py
    result["noam"] = {"base_lr": 1e-5, "n_embd": 1024, "warmup": 4000, "step_lr": noam}
    write(out / "schedules.json", result)


# -------------------------------------------------------------------------------------------------- sampling

def sampling(model, out):
    """Scores after the processors that `generate` itself would set up, in its order (do_sample=True)."""
    eos, prompt_length, g = 49, 4, torch.Generator().manual_seed(6)
    vectors = []
    for i in range(6):
        scores = torch.randn(50, generator=g) * (0.5, 1.0, 2.0, 3.0, 4.0, 6.0)[i]
        scores[eos] = scores.max() + 0.25  # so that it matters whether EOS is suppressed
        a, b, c = torch.randperm(49, generator=g)[:3].tolist()
        best = scores[:eos].topk(3).indices.tolist()
        previous = [a, best[0], b, a, b, best[1], c, best[2], a, b]
        vectors.append({"logits": scores, "previous": previous if i else previous[:prompt_length]})
    cases = []
    for i, vector in enumerate(vectors):
        top = vector["logits"][:eos].topk(3).indices.tolist()
        last, before = vector["previous"][-1], vector["previous"][-2]
        options = [{"temperature": 0.7}, {"top_k": 5}, {"top_p": 0.8}, {"min_p": 0.1}, {"typical_p": 0.6},
            {"repetition_penalty": 1.3}, {"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 3},
            {"min_new_tokens": 6}, {"min_new_tokens": 7},
            {"bad_words_ids": [[top[0]], [last, top[1]], [before, last, top[2]], [top[2], 5]]},
            {"sequence_bias": [[[top[0]], -3.5], [[7], 2.25], [[eos], -1.0]]}]
        options += [dict(itertools.chain(*(options[k].items() for k in combination))) for combination in
            ((0, 1), (0, 1, 2), (0, 3), (0, 4), (5, 0, 2), (5, 6, 0, 1, 2), (1, 2, 3, 4), (5, 7, 9, 10, 11),
             (0, 1, 2, 3, 4, 5, 7, 9, 10, 11))]
        for option in options:
            def process(scores):
                # A fresh list for each use; every other option off.
                config = GenerationConfig(**{"top_k": 0, "do_sample": True, "eos_token_id": eos, **option})
                config._eos_token_tensor = torch.tensor([eos])
                chain = model._get_logits_processor(config, input_ids_seq_length=prompt_length, device="cpu")
                assert len(chain) == len(option), (chain, option)
                return chain(torch.tensor([vector["previous"]]), scores[None].clone())[0]
            scores = process(vector["logits"])
            for k in range(8):  # no token may stand so near a threshold that rounding decides
                noise = torch.randn(50, generator=torch.Generator().manual_seed(k)) * 1e-5
                assert torch.equal(process(vector["logits"] + noise).isinf(), scores.isinf()), (i, option)
            cases.append({"vector": i, "options": option, "scores": scores})
    write(out / "sampling.json", {"vocab": 50, "eos": eos, "prompt_length": prompt_length,
        "vectors": vectors, "cases": cases})


# ------------------------------------------------------------------------------------------------- tokenizer

def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def tokenizer(out, source, self_dialogue):
    files = dict(vocab_file=str(source / "vocab.json"), merges_file=str(source / "merges.txt"))
    fast, slow = GPT2TokenizerFast(**files), GPT2Tokenizer(**files)
    # The two ways in which user text can be read: <|endoftext|> in it special (the default), or plain characters.
    ways = {"ids": {}, "split_ids": {"split_special_tokens": True}}
    texts = []
    for kind, values in TEXTS.items():
        for text in values:
            entry = {"kind": kind, "text": text}
            for key, options in ways.items():
                ids = fast(text, add_special_tokens=False, **options)["input_ids"]
                other = slow(text, add_special_tokens=False, **options)["input_ids"]
                assert fast.decode(ids, clean_up_tokenization_spaces=False) == text, entry
                if key == "ids" or ids != entry["ids"]:
                    entry[key] = ids
                if other != ids:
                    entry["slow_" + key] = other
            texts.append(entry)
    write(out / "texts.json", texts)

    lines = (source / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [line for line in lines if line and not line.startswith("#version")]
    vocab = sorted(json.loads((source / "vocab.json").read_text(encoding="utf-8")).items(), key=lambda e: e[1])
    write(out / "digests.json", {
        "merges": {"count": len(merges), "sha256": sha256("\n".join(merges) + "\n")},
        "vocab": {"count": len(vocab), "sha256": sha256("".join(f"{token}\t{i}\n" for token, i in vocab))}})

    digest, turns, tokens = hashlib.sha256(), 0, 0
    with gzip.open(self_dialogue, "rt", encoding="utf-8") as rows:
        contents = [message["content"] for row in rows for message in json.loads(row)["messages"]]
    for ids in fast(contents, add_special_tokens=False)["input_ids"]:
        digest.update(struct.pack(f"<{len(ids) + 1}i", *ids, -1))
        turns, tokens = turns + 1, tokens + len(ids)
    write(out / "self_dialogue_valid.json", {"turns": turns, "tokens": tokens, "sha256": digest.hexdigest()})


# ---------------------------------------------------------------------------------------------- backward scores

@torch.no_grad()
def backward(out):
    """What MMI re-ranking asks of a backward model: source turns given a hypothesis, the latest turn first."""
    g = torch.Generator().manual_seed(11)
    model, cases = load(out / "fp32"), []
    for hypothesis_length, turn_lengths in ((0, (5,)), (1, (1,)), (9, (7, 3)), (20, (12, 1, 30)), (40, (53,))):
        hypothesis = random_ids(g, hypothesis_length)
        turns = [random_ids(g, length) for length in turn_lengths]  # oldest first
        source = [token for turn in reversed(turns) for token in turn + [EOS]]
        ids = hypothesis + [EOS] + source
        labels = [-100] * (hypothesis_length + 1) + source
        loss = model(torch.tensor([ids]), labels=torch.tensor([labels])).loss
        prompt = [token for turn in turns for token in turn + [EOS]]
        cases.append({"prompt": prompt, "hypothesis": hypothesis, "ids": ids, "targets": len(source), "loss": loss})
    write(out / "backward.json", {"cases": cases})


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("--dialogues", type=Path, required=True)
    options = arguments.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    write(out / "versions.json", {"python": platform.python_version(), "torch": torch.__version__,
        "transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "machine": platform.machine()})
    model = tiny_model()
    save_checkpoints(model, out)
    logits(out)
    greedy(model, out)
    loss(model, out)
    backward(out)
    adamw(model, out)
    accumulation(model, out)
    schedules(out)
    sampling(model, out)
    tokenizer(out / "tokenizer", options.tokenizer, options.dialogues)


if __name__ == "__main__":
    main()
