"""When and where to run. Importing this package sets the environment's defaults, which Prefect reads when it is imported.

The checkout that a flow stands in is also the code that it runs, wherever else lepton may be installed from.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from lepton import environment  # noqa: E402

environment.set_defaults(ROOT)
