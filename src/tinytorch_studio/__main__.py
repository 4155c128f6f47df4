"""The entrance: `tt`, or `python -m tinytorch_studio`."""

from __future__ import annotations

from tinytorch_studio.cli import main

if __name__ == "__main__":
    main(prog_name="tt")
