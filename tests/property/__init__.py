"""Random scenarios and oracles.

`oracle_roads.py` and `oracle.py` share no code with what they judge; open `test_matcher_oracle.py` first.
"""
