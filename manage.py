#!/usr/bin/env python3
"""Django's command line; before it, whatever this machine still lacks (postventa/bootstrap.py)."""

import os
import sys


def main():
    # No newer syntax in this file: an old Python has to get as far as this line to say what is wrong.
    if sys.version_info < (3, 11):
        sys.exit("Postventa necesita Python 3.11 o posterior; este es el %d.%d." % sys.version_info[:2])
    from postventa.bootstrap import ensure_environment

    ensure_environment(sys.argv[1] if len(sys.argv) > 1 else "")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "postventa.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
