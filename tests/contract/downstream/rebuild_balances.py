"""A consumer as another team would write it: how all accounts stand, from the stream alone.

Needs boto3, jsonschema, a copy of `consume.py` beside it, and the published schemas. Arguments: the stream, the schemas' folder, the
checkpoint's file, and a file in which it keeps what it knows.
"""

import json
import sys
from pathlib import Path

import boto3
from consume import Consumer, FileCheckpoints
from jsonschema import Draft202012Validator

stream, schemas, checkpoint, results = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
validators = {path.stem: Draft202012Validator(json.loads(path.read_bytes())) for path in schemas.glob("*.json")}
known = json.loads(results.read_text()) if results.exists() else {"balances": {}, "events": 0, "types": []}

for event in Consumer(boto3.client("kinesis"), stream, FileCheckpoints(checkpoint), poll_seconds=0.01).events(follow=False):
    validators[event["type"]].validate(event)
    for balances in event["data"].get("balances", []):
        amounts = [int(balances[name]) for name in ("posted", "pending_out", "pending_in", "available")]
        known["balances"][balances["account"]] = [balances["currency"], *amounts]
    known["events"] += 1
    known["types"] = sorted({*known["types"], event["type"]})

results.write_text(json.dumps(known))
assert not any(name.startswith("processor") for name in sys.modules), "it must do without the program"
