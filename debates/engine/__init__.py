"""The debate itself, as pure code: no Django, no clock, no network.

`next_step(setup, turns, spent)` looks at what has been said so far and answers with the calls to
make next or with the verdict. Everything that happens in a debate follows from that function, so
a debate that was cut off is taken up again by asking it once more.
"""
