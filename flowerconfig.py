"""Settings of Flower; `celery -A services.trainer flower` reads this file from its current folder.

Flower listens only on this machine, is read-only, and always asks for a password: the one in FLOWER_BASIC_AUTH
(`user:password`, several separated by commas), else a random one that is printed once.
"""

import os
import secrets
import sys

address = os.environ.get("FLOWER_ADDRESS") or "127.0.0.1"
read_only = True
basic_auth = [pair.strip() for pair in os.environ.get("FLOWER_BASIC_AUTH", "").split(",") if pair.strip()]

if any(not user or not password for user, _, password in (pair.partition(":") for pair in basic_auth)):
    sys.exit("flower: FLOWER_BASIC_AUTH is not a list of user:password: correct it, or unset it for a random password")
if not basic_auth:
    basic_auth = [f"sweep:{secrets.token_urlsafe(12)}"]
    print(f"flower: log in as {basic_auth[0].replace(':', ' with ')} (or set FLOWER_BASIC_AUTH)", file=sys.stderr)
