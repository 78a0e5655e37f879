"""When and where to run. Importing this package sets the environment's defaults, which Prefect reads when it is imported.

The checkout that a flow stands in is also the code that it runs, wherever else lepton may be installed from.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from lepton import environment  # noqa: E402

environment.set_defaults(ROOT)

os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "60")  # seconds; see flows.zombies
# on disk: a server that was killed forgets those in its memory, and then holds places for nobody, for ever
os.environ.setdefault("PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE", "prefect.server.concurrency.lease_storage.filesystem")
