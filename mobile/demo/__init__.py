"""python -m mobile.demo: what a mobile sign-in goes through, played against the real suite and told in ten lines.

`suite` starts the three services on own ports and own temporary data, `stage` puts two phones beside them, `story`
plays, `narrator` prints. With `--verbose` each step is told.
"""
