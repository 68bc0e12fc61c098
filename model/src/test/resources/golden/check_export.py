"""Compares two GPT-2 model folders (say, the original and the version Parley exported) as transformers loads them.

    python check_export.py FOLDER FOLDER [--tolerance 1e-4] [--seed 0]

Both are loaded in fp32. Prints the largest difference of their logits on random ids over all positions;
exit 1 above the tolerance, or if a folder lacks a tensor, holds one too many, or the two have other shapes.
transformers itself would fill a missing tensor with random numbers and only warn.
"""
import argparse, sys

import torch
from transformers import GPT2LMHeadModel


def load(folder):
    model, found = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
        local_files_only=True, output_loading_info=True)
    wrong = {key: list(found[key]) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if found[key]}
    if wrong:
        sys.exit(f"{folder}: {wrong}")
    return model.eval()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs=2)
    arguments.add_argument("--tolerance", type=float, default=1e-4)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    a, b = map(load, options.folder)
    for key in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "layer_norm_epsilon",
            "activation_function", "bos_token_id", "eos_token_id", "tie_word_embeddings"):
        if getattr(a.config, key) != getattr(b.config, key):
            sys.exit(f"{key}: {getattr(a.config, key)} and {getattr(b.config, key)}")
    torch.manual_seed(options.seed)
    ids = torch.randint(0, a.config.vocab_size, (2, min(a.config.n_positions, 128)))
    with torch.no_grad():
        x, y = a(ids).logits, b(ids).logits
    difference = (x - y).abs().max().item()
    print(f"largest logit difference {difference:.3g} over {tuple(x.shape)}, largest logit {x.abs().max().item():.3g}, "
        f"same argmax at {(x.argmax(-1) == y.argmax(-1)).float().mean().item():.2%} of positions")
    sys.exit(0 if difference <= options.tolerance else 1)  # NaN fails too


if __name__ == "__main__":
    main()
