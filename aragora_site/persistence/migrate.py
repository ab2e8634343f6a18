"""`python -m aragora_site.persistence.migrate`: with DATABASE_URL set to a PostgreSQL, brings it up
to date and moves the embedded database there. Takes the options of `manage.py migrate_database`.
"""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aragora_site.settings")
    from aragora_site import startup

    startup.run(["manage.py", "migrate_database", *sys.argv[1:]])


if __name__ == "__main__":
    main()
