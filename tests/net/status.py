"""status.py EXPRESSION: evaluates it with the object on stdin, from `status --json`, as s."""
import json
import sys

s = json.load(sys.stdin)
print(eval(sys.argv[1], {"s": s, "child": s["children"][0] if s.get("children") else None}))
