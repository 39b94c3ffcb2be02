"""`python -m buildnet_cli` is `buildnet-notify`."""

from __future__ import annotations

import sys

from buildnet_cli.entry import main

sys.exit(main())
