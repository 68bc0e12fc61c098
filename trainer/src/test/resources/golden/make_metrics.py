"""Makes metrics.json: NIST and BLEU of random replies by NLTK (pip install nltk; made with 3.10.4).

Words are drawn unevenly, so that sequences of four match now and then. NLTK's NIST is that of
mteval-v14c.pl: information of the references, matches clipped by the reference, brevity penalty.
"""
import json
import random
from nltk.translate.bleu_score import corpus_bleu
from nltk.translate.nist_score import corpus_nist

random.seed(20020324)


def text(least, most):
    words = "i you what is do not like the a music movie really think so yes no".split()
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return random.choices(words, weights, k=random.randint(least, most))


cases = []
for name, count, replies, references in [
    ("long replies", 60, (8, 20), (5, 12)),
    ("short replies", 60, (4, 6), (6, 14)),
    ("as long", 100, (4, 15), (4, 15)),
]:
    hypotheses = [text(*replies) for _ in range(count)]
    expected = [text(*references) for _ in range(count)]
    for i in range(0, count, 7):  # some replies repeat a stretch of their reference
        hypotheses[i][: len(expected[i]) // 2] = expected[i][: len(expected[i]) // 2]
    cases.append(
        {
            "name": name,
            "replies": [" ".join(h) for h in hypotheses],
            "references": [" ".join(e) for e in expected],
            "nist2": corpus_nist([[e] for e in expected], hypotheses, n=2),
            "nist4": corpus_nist([[e] for e in expected], hypotheses, n=4),
            "bleu2": corpus_bleu([[e] for e in expected], hypotheses, weights=(0.5, 0.5)),
            "bleu4": corpus_bleu([[e] for e in expected], hypotheses),
        }
    )
with open("metrics.json", "w") as out:
    json.dump(cases, out, indent=1)
    out.write("\n")
