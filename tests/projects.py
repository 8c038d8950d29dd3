"""Small Meltano projects whose plugins are scripts of their own: nothing but meltano is installed."""

TAP = '''#!/usr/bin/env python3
"""Sends the whole numbers above its bookmark, up to TOP, one each PAUSE seconds."""
import json, os, signal, sys, time

args = sys.argv[1:]
if "--discover" in args:
    print(json.dumps({"streams": [{"tap_stream_id": "numbers", "stream": "numbers", "key_properties": ["n"],
          "schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
          "metadata": [{"breadcrumb": [], "metadata": {"inclusion": "available", "selected": True}}]}]}))
    sys.exit(0)
last = 0
if "--state" in args:
    state = json.load(open(args[args.index("--state") + 1]))
    last = state.get("bookmarks", {}).get("numbers", {}).get("n", 0)
print(f"starting after {last}", file=sys.stderr, flush=True)
if os.environ.get("SPEAK"):
    print(f"the word is {os.environ['SPEAK']}", file=sys.stderr, flush=True)
top, pause = int(os.environ.get("TOP", "5")), float(os.environ.get("PAUSE", "0"))
print(json.dumps({"type": "SCHEMA", "stream": "numbers", "key_properties": ["n"],
      "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}), flush=True)
for n in range(last + 1, last + top + 1):
    print(json.dumps({"type": "RECORD", "stream": "numbers", "record": {"n": n}}), flush=True)
    print(json.dumps({"type": "STATE", "value": {"bookmarks": {"numbers": {"n": n}}}}), flush=True)
    print(f"sent {n}", file=sys.stderr, flush=True)
    time.sleep(pause)
if os.environ.get("FAIL") or os.environ.get("FAIL_FIRST") and os.environ["CUPOLA_ATTEMPT"] == "1":
    print("the source said no", file=sys.stderr)
    sys.exit(3)
'''

TARGET = '''#!/usr/bin/env python3
"""Appends records to output/numbers.txt and gives states back."""
import json, os, sys

os.makedirs("output", exist_ok=True)
count = 0
with open("output/numbers.txt", "a") as out:
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "RECORD":
            count += 1
            print(message["record"]["n"], file=out, flush=True)
        elif message["type"] == "STATE":
            print(json.dumps(message["value"]), flush=True)
print(f"wrote {count} records", file=sys.stderr)
'''

MELTANO_YML = '''version: 1
default_environment: prod
project_id: 6f1c0f3a-0000-4000-8000-00000000000a
send_anonymous_usage_stats: false
annotations:
  cupola:
    persist: [output]
environments:
- name: dev
- name: prod
plugins:
  extractors:
  - name: tap-numbers
    namespace: tap_numbers
    executable: ./tap.py
    capabilities: [catalog, discover, state]
  - name: tap-others
    namespace: tap_others
    executable: ./tap.py
    capabilities: [catalog, discover, state]
  loaders:
  - name: target-lines
    namespace: target_lines
    executable: ./target.py
jobs:
- name: load
  tasks: [tap-numbers target-lines]
- name: load-others
  tasks: [tap-others target-lines]
schedules:
- name: minutely
  interval: '* * * * *'
  job: load
- name: quarterly
  interval: '*/15 * * * *'
  job: load-others
'''


def numbers(extra=None):
    """Files of the project: tap-numbers and tap-others into target-lines, two jobs, two schedules."""
    files = {"meltano.yml": MELTANO_YML, "tap.py": TAP, "target.py": TARGET}
    files.update(extra or {})
    return files
