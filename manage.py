#!/usr/bin/env python3
"""Django's command line. `python3 dev.py` does the set-up and calls this."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aragora_site.settings")
    try:
        from aragora_site import startup
    except ImportError:
        sys.exit("Django is not installed here. `python3 dev.py run` sets everything up.")
    startup.run(sys.argv)


if __name__ == "__main__":
    main()
