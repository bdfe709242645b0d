"""python -m mobile.demo: what a mobile sign-in goes through, played against the real suite and told step by step.

`suite` starts the three services on own ports and own temporary data, `story` plays, `narrator` prints.
"""
