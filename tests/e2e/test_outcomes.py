"""What a job prints, returns and hands on, through the real stack."""

import json

CHATTY = """
import ctypes, os

def main(pc, params):
    for number in range(params["lines"]):
        print("line", number)
    ctypes.CDLL(None).puts(b"from C")
    os.write(2, b"the end\\n")
    with open(pc.get_output_dir("made/car.txt"), "w") as file:
        file.write("a car")
    return {"text": "x" * params["size"]}
"""
READS = """
def main(pc, params):
    with open(pc.get_input_file()) as file:
        return file.read()
"""


def send(api, source, params=None, files=(), **config):
    data = {"params": json.dumps(params or {}), "config": json.dumps(config)}
    answer = api.post("/jobs", files=[("script", ("script.py", source)), *files], data=data)
    assert answer.status_code == 200, answer.text
    return answer.json()["uuid"]


def ended(api, uuid):
    """Its details, once whoever follows its log has been let go."""
    api.get(f"/jobs/{uuid}/logs", params={"follow": "true"})
    details = api.get(f"/jobs/{uuid}/details").json()
    assert details["status"] == "SUCCESS", details["error"]
    return details


def test_a_log_is_followed_from_before_the_jobs_beginning_to_its_end(api):
    uuid = send(api, CHATTY, {"lines": 2000, "size": 1})
    expected = "".join(f"line {number}\n" for number in range(2000)) + "from C\nthe end\n"
    assert api.get(f"/jobs/{uuid}/logs", params={"follow": "true"}).text == expected
    assert api.get(f"/jobs/{uuid}").json()["status"] == "SUCCESS"
    assert api.get(f"/jobs/{uuid}/logs", params={"offset": len(expected) - 8}).text == "the end\n"


def test_a_large_result_comes_back_whole_and_is_no_output(api):
    uuid = send(api, CHATTY, {"lines": 0, "size": 3 << 20})
    assert ended(api, uuid)["result"] == {"text": "x" * (3 << 20)}
    assert api.get(f"/backend/get_task_meta/{uuid}").json()["result"]["result"] == {"text": "x" * (3 << 20)}
    assert api.get(f"/jobs/{uuid}/outputs").json() == {"outputs": ["made/car.txt"]}


def test_what_one_job_has_made_is_what_the_next_begins_with(api):
    uuid = send(api, CHATTY, {"lines": 0, "size": 1})
    ended(api, uuid)
    assert ended(api, send(api, READS, input_job=uuid))["result"] == "a car"
    others = [("file", ("b.txt", b"b")), ("file", ("c.txt", b"c"))]
    assert ended(api, send(api, READS, files=others, input_job=uuid))["result"] == "b"
    assert ended(api, send(api, READS, files=others, input_job=uuid, root_file="car.txt"))["result"] == "a car"
