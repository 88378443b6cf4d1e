"""`python -m neurarium`, which is what torchrun starts."""

import sys

from neurarium.cli.main import main

sys.exit(main())
