"""Agents that are not language models: they find, quote and weigh sentences of the documents.

They make every installation work without a key, they cost nothing, and the same call always has the
same reply. How a turn comes about, a module a step:

- `text` splits documents into sentences, `index` finds those that speak to the question (BM25), and
  drops repetitions (MMR);
- `stances` reads what a question can be answered with, and `cues` what a sentence sounds like;
- `reading` gives every sentence its published score, `personas` how the agents differ in it;
- `arguments` forms an answer and weighs what others quote against it;
- `composing` and `balloting` put it into words and ballots; `provider` says them at a human pace.
"""
