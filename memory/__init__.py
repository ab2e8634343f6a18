"""What is remembered from one debate to the next: bounded, scoped, and found again."""

import os

# Before numpy is loaded. To multiply a matrix of this size by a vector takes a millisecond, during
# which a second thread gains less than it takes from the debates beside it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
