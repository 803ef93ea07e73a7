"""`python -m api.cli`: the same as `tianshu`."""

from api.cli import main

main()
